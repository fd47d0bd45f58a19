package feast

import (
	"strings"
	"testing"

	"quern/features/column"
	"quern/serve/lookup"
)

// TestFeatureCalledAsAKey: a view may have features with the names of its keys. Full names
// tell them apart in replies; in pushed rows such a feature is VIEW__FEATURE.
func TestFeatureCalledAsAKey(t *testing.T) {
	m := lookup.NewMemory()
	keys := []column.Field{{Name: "origin", Type: column.String}, {Name: "destination", Type: column.String}}
	m.Define(&lookup.View{Name: "flights", Keys: keys, Event: "date",
		Fields: []lookup.Field{{Name: "origin", Type: column.Int64}, {Name: "date", Type: column.Int32}, {Name: "miles", Type: column.Float64}}})
	s := wireService(m, lookup.Rules{})
	const frame = `{"feature_view_name":"flights","df":{"origin":["SFO"],"destination":["JFK"],"date":["2001-06-01T00:00:00Z"],`
	const ask = `{"entities":{"origin":["SFO"],"destination":["JFK"]},"features":["flights:origin","flights:date","flights:miles"]`
	for _, c := range []struct {
		call, body string
		code       int
		want       string
	}{
		{"POST /write-to-online-store", frame + `"miles":[1]}}`, 422, `'flights__origin', 'flights__date'] not in index`},
		{"POST /write-to-online-store", frame + `"miles":[1],"flights__origin":[7],"flights__date":[9]}}`, 200, "null"},
		{"POST /get-online-features", ask + `}`, 422, "full_feature_names"},
		{"POST /get-online-features", ask + `,"full_feature_names":true}`, 200,
			`"feature_names":["origin","destination","flights__origin","flights__date","flights__miles"]`},
		{"POST /get-online-features", ask + `,"full_feature_names":true}`, 200, `"values":[7]`},
		{"POST /get-online-features", strings.Replace(ask, `"flights:origin",`, "", 1) + `}`, 200, `["origin","destination","date","miles"]`},
	} {
		if code, body := send(s, c.call, c.body); code != c.code || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s, want %d %s", c.call, c.body, code, body, c.code, c.want)
		}
	}
}
