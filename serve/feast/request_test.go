package feast

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"quern/serve/access"
	"quern/serve/lookup"
)

func unmarshal(d protoreflect.FileDescriptor, name string, wire []byte) error {
	return proto.Unmarshal(wire, message(d, name))
}

// refusal is a mistake that a client can make: what is sent, and the status and a
// part of the message that comes back.
type refusal struct {
	call, body string
	status     int
	want       string
}

func checkRefusals(t *testing.T, all []refusal) {
	s := small(wireStore(t))
	for _, c := range all {
		status, body := send(s, c.call, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %.200s\n got %d %s\nwant %d %s", c.call, c.body, status, body, c.status, c.want)
		}
	}
}

func TestRefusedLookups(t *testing.T) {
	long := strings.Repeat("x", 5000)
	const get = "POST /get-online-features"
	city := func(key string) string {
		return `{"features":["driver_stats:city"],"entities":{"driver_id":[` + key + `]}}`
	}
	checkRefusals(t, []refusal{
		{get, "", 422, `"loc":["body",0],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}`},
		{get, "{", 422, `Expecting property name enclosed in double quotes`},
		{get, city("1") + "x", 422, "Extra data"},
		{get, "[1]", 422, "model_attributes_type"},
		{get, `{"features":5,"entities":{}}`, 422, `"type":"list_type","loc":["body","features"]`},
		{get, `{"features":[5],"entities":{"driver_id":[1]}}`, 422, `"type":"string_type","loc":["body","features"]`},
		{get, `{"feature_service":[],"entities":{}}`, 422, `"type":"string_type","loc":["body","feature_service"]`},
		{get, `{"features":[],"entities":{"driver_id":[1]}}`, 422, "no features"},
		{get, `{"features":null,"entities":{"driver_id":[1]}}`, 422, "names no features"},
		{get, `{"features":["driver_stats:city"],"entities":[]}`, 422, `"type":"dict_type","loc":["body","entities"]`},
		{get, `{"features":["driver_stats:city"],"entities":{"driver_id":1}}`, 422, `"loc":["body","entities","driver_id"]`},
		{get, `{"features":["driver_stats:city"],"entities":{"driver_id":[1],"driver_id":[2]}}`, 422, "is there twice"},
		{get, `{"features":["driver_stats:city"],"features":[],"entities":{"driver_id":[1]}}`, 422, `says \\\"features\\\" twice`},
		{get, `{"features":["driver_stats:city"],"entities":{"driver_id":[1]},"full_feature_names":1}`, 422, "bool_type"},
		{get, city(strings.Repeat("[", 40) + strings.Repeat("]", 40)), 422, "nested more than 32 deep"},
		{get, city(`{"a":1}`), 422, "is an array or an object"},
		{get, `{"features":["dc_stats:n"],"entities":{"driver_id":[1,2],"customer_id":["c2"]}}`, 422, `key \\\"driver_id\\\" has 2 values, key \\\"customer_id\\\" has 1`},
		{get, `{"features":["dc_stats:n"],"entities":{"driver_id":[],"customer_id":[]}}`, 422, "no rows"},
		{get, `{"features":["driver_stats:city","driver_stats:trips","driver_stats:active","driver_stats:conv_rate","driver_stats:acc_rate"],"entities":{"driver_id":[` + strings.Repeat("1,", 40) + `1]}}`, 413, "more than 40 rows"},
		{get, city("NaN"), 422, "row 0: NaN"},
		{get, city("1,2,null"), 422, `row 2: null is no value (the key is int64)`},
		{get, city(`"\ud800"`), 422, "Unpaired surrogate"},
		{get, city("\"\xff\""), 422, "Invalid UTF-8"},
		{get, city(strings.Repeat("1,", 50) + "1"), 413, "more than 50 rows"},
		{get, city(`"` + long + `"`), 413, "more than 4000 bytes"},
		{get, `{"features":["driver_stats:nope"],"entities":{"driver_id":[1]}}`, 404, "not found in projection driver_stats"},
		{get, `{"features":["driver_stats:trip"],"entities":{"driver_id":[1]}}`, 404, `did you mean \\\"trips\\\"`},
		{get, `{"features":["dc_stats:n"],"entities":{"driver_id":[1]}}`, 422, `missing join key values for key \\\"customer_id\\\"`},
		{get, `{"features":["` + strings.Repeat(`driver_stats:city","`, 20) + `driver_stats:city"],"entities":{"driver_id":[1]}}`, 413, "more than 20 features"},
		{"GET /push", "", 405, "Method Not Allowed"},
		{"POST /health", "", 405, "Method Not Allowed"},
		{"POST /nope", "", 404, "Not Found"},
	})
}

func TestRefusedPushes(t *testing.T) {
	const push, write = "POST /push", "POST /write-to-online-store"
	row := func(col, value string) string {
		cols := map[string]string{"driver_id": "1", "live": "1.5", "count": "2", "event_timestamp": `"2026-11-22T10:00:00"`}
		cols[col] = value
		body := `{"feature_view_name":"pushed_stats","df":{`
		for _, c := range []string{"driver_id", "live", "count", "event_timestamp", "created"} {
			if v := cols[c]; v != "" {
				body += `"` + c + `":[` + v + `],`
			}
		}
		return strings.TrimSuffix(body, ",") + "}}"
	}
	checkRefusals(t, []refusal{
		{push, `{"df":{}}`, 422, `"loc":["body","push_source_name"],"msg":"Field required"`},
		{push, `{"push_source_name":"driver_push"}`, 422, `"loc":["body","df"]`},
		{push, `{"push_source_name":"driver_push","df":{},"to":"offline"}`, 422, "there is no offline store"},
		{push, `{"push_source_name":"driver_push","df":{"driver_id":[1]}}`, 422, `['live', 'count', 'event_timestamp'] not in index`},
		{write, row("live", `true`), 422, `column \\\"live\\\", row 0: true has a type`},
		{write, row("live", `1e39`), 422, `out of the range`},
		{write, row("live", `{}`), 422, `is an array or an object`},
		{write, row("count", `1.5`), 422, `column \\\"count\\\", row 0: 1.5 is no whole number (the column is int64)`},
		{write, row("count", `1,2`), 422, `all columns must have the same length: \\\"driver_id\\\" has 1 values, \\\"count\\\" has 2`},
		{write, row("driver_id", `null`), 422, `column \\\"driver_id\\\", row 0: null is no value`},
		{write, row("event_timestamp", `null`), 422, `is no time`},
		{write, row("event_timestamp", `"yesterday"`), 422, `is no time`},
		{write, row("event_timestamp", `1795338000`), 422, `is no time in text`},
		{write, row("created", `"2026-13-01"`), 422, `column \\\"created\\\", row 0`},
		{write, `{"feature_view_name":"pushed_stats","df":{"driver_id":[],"live":[],"count":[],"event_timestamp":[]}}`, 422, "no rows"},
		{write, `{"feature_view_name":"type_stats","df":{"driver_id":[1],"i32":[1],"b":["?"],"ts":[1],"fl":[[1,"x"]],"sl":[[]],"nanf":[1],"inff":[1],"big":[1],"conv_rate":[1],"event_timestamp":["2026-11-22"]}}`, 422, "is not base64"},
		{write, `{"feature_view_name":"type_stats","df":{"driver_id":[1],"i32":[1],"b":["AA=="],"ts":[1],"fl":[[1,"x"]],"sl":[[]],"nanf":[1],"inff":[1],"big":[1],"conv_rate":[1],"event_timestamp":["2026-11-22"]}}`, 422, "has an element that has a type"},
	})
}

func TestHealthAndBodies(t *testing.T) {
	m := wireStore(t)
	var ill error
	s := New(m, nil, Options{Now: wireTime, Limits: Limits{Body: 200}, Healthy: func() error { return ill }})
	if code, body := send(s, "GET /health", ""); code != 200 || body != "" {
		t.Error(code, body)
	}
	ill = errors.New("loading")
	if code, body := send(s, "GET /health", ""); code != 503 || body != "" {
		t.Error(code, body)
	}
	if code, _ := send(s, "POST /write-to-online-store", `{"feature_view_name":"nottl_stats","df":{}}`); code != 422 {
		t.Error("a server without a writer took a push: ", code)
	}
	for _, c := range []struct {
		body     io.Reader
		encoding string
		status   int
	}{
		{io.LimitReader(endless{}, 1000), "", 413}, // no Content-Length
		{strings.NewReader(strings.Repeat(" ", 1000)), "", 413},
		{strings.NewReader("{}"), "gzip", 422},
		{io.MultiReader(strings.NewReader("{"), broken{}), "", 422},
		{strings.NewReader(`{"features":["nottl_stats:old"],"entities":{"driver_id":[1001]}}`), "identity", 200},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("POST", "/get-online-features", c.body)
		r.Header.Set("Content-Encoding", c.encoding)
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
		}
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// failing is a storage that cannot answer.
type failing struct {
	*flat
	err error
}

func (f failing) Pin() lookup.Catalog { return f }
func (f failing) Lookup(context.Context, *lookup.Query, *lookup.Keys, *lookup.Block) error {
	return f.err
}

func TestFaultsOfOursAre5xx(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		grpc   uint32
	}{
		{errors.New("disk /var/x is on fire"), 500, 13},
		{fmt.Errorf("look-up: %w", context.DeadlineExceeded), 504, 4},
		{context.Canceled, 499, 1},
	} {
		f := failing{newFlat(1, 1), c.err}
		s := New(f, nil, Options{})
		status, body := send(s, "POST /get-online-features", string(f.jsonRequest(1)))
		if status != c.status || strings.Contains(body, "fire") {
			t.Errorf("%v: %d %s", c.err, status, body)
		}
		if got := s.FaultOf(c.err); got.GRPC != c.grpc {
			t.Errorf("%v: gRPC code %d", c.err, got.GRPC)
		}
	}
}

// TestHooks: who may not is a 403, what was served is seen, headers are added.
func TestHooks(t *testing.T) {
	m := wireStore(t)
	served := 0
	s := New(m, m, Options{
		Now: wireTime,
		MayRead: func(_ context.Context, q *lookup.Query) error {
			if q.Parts[0].View.Name != "nottl_stats" {
				return fmt.Errorf("%w: reading %s", access.ErrForbidden, q.Parts[0].View.Name)
			}
			return nil
		},
		MayWrite: func(_ context.Context, v *lookup.View) error { return access.ErrForbidden },
		Served:   func(_ context.Context, k *lookup.Keys, b *lookup.Block) { served += k.Rows * len(b.Values) },
		Headers:  func(b *lookup.Block, h http.Header) { h.Set("X-View", b.Query.Parts[0].View.Name) },
	})
	const denied = `"{\"module\": \"feast.errors\", \"class\": \"FeastPermissionError\", \"message\": \"not permitted`
	for _, c := range []struct{ call, body, want string }{
		{"POST /get-online-features", `{"features":["driver_stats:city"],"entities":{"driver_id":[1]}}`, denied + ": reading driver_stats"},
		{"POST /push", `{"push_source_name":"driver_push","df":{}}`, denied},
		{"POST /write-to-online-store", strings.SplitN(wireRows, "\n", 2)[0], denied},
	} {
		if code, body := send(s, c.call, c.body); code != 403 || !strings.HasPrefix(body, c.want) || served != 0 {
			t.Errorf("%s: %d %s", c.call, code, body)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/get-online-features", strings.NewReader(`{"features":["nottl_stats:old"],"entities":{"driver_id":[1001,5]}}`)))
	if w.Code != 200 || served != 2 || w.Header().Get("X-View") != "nottl_stats" {
		t.Errorf("%d %s, %d values served, %v", w.Code, w.Body, served, w.Header())
	}
}

// TestProtoKeys: what a Value may be, for a key of int64 and for one of string.
func TestProtoKeys(t *testing.T) {
	d := describe(t)
	s := wireService(wireStore(t), lookup.Rules{})
	for _, c := range []struct{ view, key, value, want string }{
		{"driver_stats:city", "driver_id", "int64_val: 1001", ""},
		{"driver_stats:city", "driver_id", "int64_val: -5", ""},
		{"driver_stats:city", "driver_id", "int32_val: 1001", ""},
		{"driver_stats:city", "driver_id", `string_val: "1001"`, ""},
		{"driver_stats:city", "driver_id", "double_val: 1001", ""},
		{"driver_stats:city", "driver_id", "int32_val: -5", ""},
		{"driver_stats:city", "driver_id", "double_val: 1001.5", "is no whole number"},
		{"driver_stats:city", "driver_id", "double_val: nan", "is no whole number"},
		{"driver_stats:city", "driver_id", "bool_val: true", "has a type that the column cannot take"},
		{"driver_stats:city", "driver_id", "", "is not set"},
		{"driver_stats:city", "driver_id", `bytes_val: "1001"`, "has a type that the column cannot take"},
		{"driver_stats:city", "driver_id", `int64_list_val: {val: 1}`, "has a type that the column cannot take"},
		{"customer_stats:tier", "customer_id", `string_val: "c2"`, ""},
		{"customer_stats:tier", "customer_id", `bytes_val: "c2"`, ""},
		{"customer_stats:tier", "customer_id", "int64_val: 5", ""},
		{"customer_stats:tier", "customer_id", "double_val: 5", "has a type that the column cannot take"},
	} {
		m := message(d, "Request")
		text := fmt.Sprintf(`features: {val: %q} entities: {key: %q value: {val: {%s}}}`, c.view, c.key, c.value)
		if err := prototext.Unmarshal([]byte(text), m); err != nil {
			t.Fatal(err)
		}
		in, _ := proto.Marshal(m)
		out, err := s.GetOnlineFeatures(context.Background(), in, nil)
		if err == nil { // the key comes back as it was understood
			reply := message(d, "Response")
			if err := proto.Unmarshal(out, reply); err != nil {
				t.Fatal(err)
			}
			key := protoValue(get(get(reply, "results").List().Get(0).Message(), "values").List().Get(0).Message(), false)
			_, sent, _ := strings.Cut(c.value, ": ")
			if fmt.Sprint(key) != strings.Trim(sent, `"`) {
				t.Errorf("%s became %v", c.value, key)
			}
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s %s: %v, want %q", c.key, c.value, err, c.want)
		}
	}
	if info := s.GetFeastServingInfo(nil, "quern 1"); unmarshal(d, "Info", info) != nil || !bytes.Contains(info, []byte("quern 1")) {
		t.Errorf("%x", info)
	}
}

// TestSteadyStateAllocatesNothing counts what a look-up allocates once the memory of
// an exchange has grown.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for _, missing := range []int{0, 7} {
		f := newFlat(50, 100)
		f.missing = missing
		s := New(f, nil, Options{})
		x := s.borrow()
		body, message := f.jsonRequest(100), f.protoRequest(100)
		run := func() {
			x.in = append(x.in[:0], body...)
			if err := s.lookupJSON(context.Background(), x); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(50, run); n != 0 {
			t.Errorf("JSON: %v allocations", n)
		}
		var out []byte
		if n := testing.AllocsPerRun(50, func() { out, _ = s.lookupProto(context.Background(), x, message, out[:0]) }); n != 0 {
			t.Errorf("protobuf: %v allocations", n)
		}
	}
	m, v := randomStore(t, 1)
	k, b := asked(t, m, v, lookup.Rules{}, 50)
	j, p := jsonEncoder{}, protoEncoder{}
	var out []byte
	if n := testing.AllocsPerRun(50, func() { out = p.reply(j.reply(out[:0], k, b, false), k, b, false) }); n != 0 {
		t.Errorf("all types: %v allocations", n)
	}
}

// TestManyAtOnce mixes calls from many goroutines: pooled memory is nobody else's.
func TestManyAtOnce(t *testing.T) {
	m := wireStore(t)
	s := wireService(m, lookup.Rules{})
	all := exchangesOf(t, "sqlite")
	want := map[string]string{}
	for _, x := range all {
		_, want[x.Call+x.Send] = send(s, x.Call, x.Send)
	}
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 200 {
				x := all[(i*7+g*13)%len(all)]
				if _, got := send(s, x.Call, x.Send); got != want[x.Call+x.Send] {
					t.Errorf("%s: %s, want %s", x.Send, got, want[x.Call+x.Send])
				}
			}
		})
	}
	group.Wait()
}
