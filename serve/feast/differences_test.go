package feast

import (
	"strings"

	"quern/serve/lookup"
)

// difference is one recorded exchange that is answered otherwise, on purpose.
type difference struct {
	cases   string // names of exchanges
	where   string // "sqlite", "redis": the recording; "strict", "feast-python": our mode; several: all must hold
	what    string // what differs, as differences names it
	answer  string // the status and a part of the body that stand there instead
	because string
}

func declaredDifferences() []difference {
	const strict, python, sqlite, redis, always = "strict", "feast-python", "sqlite", "redis", ""
	const both, tenth = "status, body", `"event_timestamps":["2026-11-22T10:00:00Z","2026-11-22T10:00:00.123456Z"]`
	return []difference{
		// Statuses.
		{"composite_key", redis, "statuses of affinity, statuses of n", `200 "statuses":["PRESENT","PRESENT","NOT_FOUND"]`,
			"an entity that is not there is NOT_FOUND, as over Feast's SQL stores; over Redis Feast says PRESENT"},
		{"missing_entity", redis, "statuses of acc_rate, statuses of active, statuses of city, statuses of conv_rate, statuses of trips",
			`200 "statuses":["PRESENT","NOT_FOUND"]`, "the same"},
		{"null_feature", strict, "statuses of acc_rate, statuses of city, statuses of conv_rate, statuses of trips",
			`200 {"values":[null],"statuses":["NULL_VALUE"]`, "a null of an entity that is there is NULL_VALUE; Feast says PRESENT"},
		{"read_after_write", strict, "statuses of city, statuses of conv_rate", `200 {"values":["Oslo",null],"statuses":["PRESENT","NULL_VALUE"]`, "the same"},
		{"expired_ttl", strict, "statuses of stale, values of stale", `200 {"values":[null,null],"statuses":["OUTSIDE_MAX_AGE","NOT_FOUND"]`,
			"a row older than the view's TTL is OUTSIDE_MAX_AGE and null, as a point-in-time join would have it; Feast's Python server ignores the TTL online"},
		{"expired_ttl", python + " " + redis, "statuses of stale", `200 {"values":[1.5,null],"statuses":["PRESENT","NOT_FOUND"]`,
			"the second entity is not there: see composite_key"},
		{"types types_no_inf", always, "values of nanf", `200 {"values":["NaN"],"statuses":["PRESENT"]`,
			"NaN is a value and stays one; Feast's SDK turned it into a null when it wrote it, through pandas"},
		// Times.
		{"columnar_entities", sqlite, "event_timestamps of city", "200 " + tenth, "microseconds are kept; Feast's SQLite store drops them"},
		{"int64_key", sqlite, "event_timestamps of acc_rate, event_timestamps of active, event_timestamps of city, event_timestamps of conv_rate, event_timestamps of trips",
			"200 " + tenth, "the same"},
		// A client's mistake is no 500: the SDK sends a request that got one four times, and then
		// raises RetryError. It gets a class of Feast's with a message that names the place.
		{"duplicate_feature name_collision", always, "status", `422 FeatureNameCollisionError`, "Feast answers 500"},
		{"unknown_feature", always, both, `404 FeastObjectNotFoundException\", \"message\": \"Feature nope not found in projection driver_stats`,
			"Feast answers 500 with the text of a KeyError"},
		{"null_key", always, both, `422 key \\\"driver_id\\\", row 0: null is no value (the key is int64)`, "the same, with an AttributeError"},
		{"raw_bad_ref", always, both, `422 Invalid feature reference 'driver_stats'. Expected format`, "Feast answers 500"},
		{"raw_empty_entities", always, both, `422 missing join key values for key \\\"driver_id\\\"`, "Feast answers 500: pop from an empty set"},
		{"raw_empty_list", always, both, `422 the request has no rows`, "Feast answers 500, and names a key that was not needed"},
		{"raw_int_key_2pow63", always, both, `422 row 0: 9223372036854775808 is out of the range`, "Feast answers 500"},
		{"raw_ragged_entities", always, both, `422 key \\\"driver_id\\\" has 2 values, key \\\"customer_id\\\" has 1`, "Feast answers 500"},
		{"raw_push_bad_to", always, both, `422 nowhere is not a supported push format`, "Feast answers 500"},
		{"raw_write_missing_column", always, both, `422 ['conv_rate', 'acc_rate', 'trips', 'active'] not in index`, "Feast answers 500"},
		// Keys mean what they say.
		{"raw_bool_key", always, both, `422 row 0: true has a type that the column cannot take`, "true is no int64; Feast reads it as the key 1"},
		{"raw_int_key_float_frac", always, both, `422 row 0: 1001.5 is no whole number`, "1001.5 is no int64; Feast reads it as the key 1001"},
		// More is taken.
		{"raw_no_content_type", always, both, `200 {"values":["Zürich"]`, "JSON is read without a Content-Type; FastAPI takes such a body for text"},
		{"raw_write_older_event raw_write_to_online_store", sqlite, both, `200 null`,
			"created may be null, as the SDK sends it; Feast's SQLite store fails on it"},
	}
}

// declaredFor returns what is declared, by case, for a recording and a mode.
func declaredFor(store string, compat lookup.Compat) map[string]difference {
	m := map[string]difference{}
	for _, d := range declaredDifferences() {
		holds := true
		for _, w := range strings.Fields(d.where) {
			holds = holds && (w == store || w == compat.String())
		}
		for _, c := range strings.Fields(d.cases) {
			if holds {
				if m[c].what != "" {
					panic("two differences are declared for " + c)
				}
				m[c] = d
			}
		}
	}
	return m
}
