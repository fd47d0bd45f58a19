package feast

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quern/features/column"
	"quern/serve/lookup"
)

// wireTime is when the recorded requests were made.
func wireTime() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// wireStore has the views that the exchanges were recorded with, and their rows,
// which are written through the service.
func wireStore(t testing.TB) *lookup.Memory {
	m := lookup.NewMemory()
	driver := []column.Field{{Name: "driver_id", Type: column.Int64}}
	customer := []column.Field{{Name: "customer_id", Type: column.String}}
	week := 7 * 24 * time.Hour
	m.Define(&lookup.View{Name: "driver_stats", Keys: driver, TTL: week, Fields: []lookup.Field{
		{Name: "conv_rate", Type: column.Float32}, {Name: "acc_rate", Type: column.Float64}, {Name: "trips", Type: column.Int64},
		{Name: "city", Type: column.String}, {Name: "active", Type: column.Bool},
	}})
	m.Define(&lookup.View{Name: "customer_stats", Keys: customer, TTL: week, Fields: []lookup.Field{
		{Name: "spend", Type: column.Float32}, {Name: "tier", Type: column.String},
	}})
	m.Define(&lookup.View{Name: "dc_stats", Keys: append(driver[:1:1], customer...), TTL: week, Fields: []lookup.Field{
		{Name: "affinity", Type: column.Float32}, {Name: "n", Type: column.Int64},
	}})
	m.Define(&lookup.View{Name: "type_stats", Keys: driver, TTL: week, Fields: []lookup.Field{
		{Name: "i32", Type: column.Int32}, {Name: "b", Type: column.String, Binary: true}, {Name: "ts", Type: column.Timestamp},
		{Name: "fl", Type: column.ListOf(column.Float32)}, {Name: "sl", Type: column.ListOf(column.String)},
		{Name: "nanf", Type: column.Float32}, {Name: "inff", Type: column.Float64}, {Name: "big", Type: column.Int64},
		{Name: "conv_rate", Type: column.Float32},
	}})
	m.Define(&lookup.View{Name: "exp_stats", Keys: driver, TTL: time.Hour, Fields: []lookup.Field{{Name: "stale", Type: column.Float32}}})
	m.Define(&lookup.View{Name: "nottl_stats", Keys: driver, Fields: []lookup.Field{{Name: "old", Type: column.Float32}}})
	m.Define(&lookup.View{Name: "pushed_stats", Keys: driver, TTL: week, Fields: []lookup.Field{
		{Name: "live", Type: column.Float32}, {Name: "count", Type: column.Int64},
	}})
	m.DefineSource("driver_push", "pushed_stats")
	m.DefineService("svc", lookup.Ref{View: "driver_stats", Feature: "conv_rate"}, lookup.Ref{View: "driver_stats", Feature: "city"},
		lookup.Ref{View: "customer_stats", Feature: "tier"}, lookup.Ref{View: "customer_stats", Feature: "spend"})
	m.DefineService("svc_alias", lookup.Ref{View: "driver_stats", Alias: "ds", Feature: "conv_rate"})
	s := wireService(m, lookup.Rules{})
	for line := range strings.Lines(wireRows) {
		if code, body := send(s, "POST /write-to-online-store", line); code != http.StatusOK {
			t.Fatalf("%s: %d %s", line, code, body)
		}
	}
	return m
}

func wireService(m *lookup.Memory, rules lookup.Rules) *Service {
	return New(m, m, Options{Project: "wire", Now: wireTime, Rules: rules})
}

// wireRows are what the views had before the recording.
const wireRows = `{"feature_view_name":"driver_stats","df":{"driver_id":[1001,1002,1003],"conv_rate":[0.1,0.25,null],"acc_rate":[0.1,2.5,null],"trips":[7,9007199254740993,null],"city":["Zürich","",null],"active":[true,false,true],"event_timestamp":["2026-11-22T10:00:00","2026-11-22T10:00:00.123456","2026-11-22T10:00:00"]}}
{"feature_view_name":"customer_stats","df":{"customer_id":["c-ü1","c2"],"spend":[12.5,1e-7],"tier":["gold","x"],"event_timestamp":["2026-11-22T10:00:00Z","2026-11-22T11:00:00+01:00"]}}
{"feature_view_name":"dc_stats","df":{"driver_id":[1001,1001],"customer_id":["c-ü1","c2"],"affinity":[0.75,0.5],"n":[3,4],"event_timestamp":["2026-11-22 10:00:00","2026-11-22T10:00"]}}
{"feature_view_name":"type_stats","df":{"driver_id":[1001],"i32":[-5],"b":["AP9B"],"ts":["2026-11-22T09:00:00Z"],"fl":[[0.5,0.1]],"sl":[["a","b"]],"nanf":[NaN],"inff":[Infinity],"big":[-9223372036854775808],"conv_rate":[1],"event_timestamp":["2026-11-22T10:00:00"]}}
{"feature_view_name":"exp_stats","df":{"driver_id":[1001],"stale":[1.5],"event_timestamp":["2020-01-01T00:00:00"]}}
{"feature_view_name":"nottl_stats","df":{"driver_id":[1001],"old":[2.5],"event_timestamp":["2020-01-01"]}}
`

// send makes a call ("POST /push") and returns the reply.
func send(s *Service, call, body string) (int, string) {
	method, path, _ := strings.Cut(call, " ")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}
