package feast

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/internal/oracletest"
	"quern/serve/lookup"
)

// listened is a request of GrpcFeatureServer that Feast's own classes made.
type listened struct {
	name, method string
	message      []byte
}

func listenedRequests(t testing.TB) (all []listened) {
	text, err := os.ReadFile("testdata/listen.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i+2 < len(lines); i += 3 {
		name, method, _ := strings.Cut(lines[i], " ")
		message, err := hex.DecodeString(lines[i+2])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, listened{name, method, message})
	}
	return all
}

func (s *Service) hear(method string, message []byte) ([]byte, error) {
	switch method {
	case "Push":
		return s.Push(context.Background(), message, nil)
	case "WriteToOnlineStore":
		return s.WriteToOnlineStore(context.Background(), message, nil)
	}
	return s.GetOnlineFeatures(context.Background(), message, nil)
}

// TestListen answers the recorded requests, and looks at the rows that they wrote.
func TestListen(t *testing.T) {
	refused := map[string]struct {
		code uint32
		says string
	}{
		"unknown_source": {grpcInvalidArgument, "Unable to find push source 'none'."},
		"unknown_view":   {grpcNotFound, "name none"},
		"offline":        {grpcInvalidArgument, "there is no offline store"},
		"bad_to":         {grpcInvalidArgument, "nowhere is not a supported push format"},
		"both":           {grpcInvalidArgument, "Only one of features or typed_features may be set, not both"},
		"missing_column": {grpcInvalidArgument, "['count'] not in index"},
		"null_key":       {grpcInvalidArgument, `column "driver_id", row 0:  the value is not set`},
		"wrong_text":     {grpcInvalidArgument, `column "live", row 0: 0.5x has a type`},
		"wrong_type":     {grpcInvalidArgument, `column "live", row 0:  the value has a type`},
		"wrong_element":  {grpcInvalidArgument, `column "fl", row 0:  the value has a type`},
		"no_time":        {grpcInvalidArgument, `column "event_timestamp", row 0:  the value is not set`},
		"empty":          {grpcInvalidArgument, "Unable to find push source ''."},
	}
	m := wireStore(t)
	s := New(m, m, Options{Now: wireTime})
	for _, r := range listenedRequests(t) {
		reply, err := s.hear(r.method, r.message)
		if want, bad := refused[r.name]; bad {
			delete(refused, r.name)
			if f := s.FaultOf(err); err == nil || f.GRPC != want.code || !strings.Contains(f.Message, want.says) {
				t.Errorf("%s: %d %s (%v), want %d %s", r.name, f.GRPC, f.Message, err, want.code, want.says)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if r.method != "GetOnlineFeatures" && string(reply) != "\x08\x01" {
			t.Errorf("%s: %x, want {status: true}", r.name, reply)
		}
	}
	for name := range refused {
		t.Errorf("%s is not recorded", name)
	}
	for _, c := range []struct{ body, want string }{
		{`{"features":["pushed_stats:live","pushed_stats:count"],"entities":{"driver_id":[1001,1002,1003,1004]}}`,
			`{"values":[0.5,-0.0010000000474974513,0.25,null],"statuses":["PRESENT","PRESENT","OUTSIDE_MAX_AGE","NULL_VALUE"],` +
				`"event_timestamps":["2026-11-22T11:00:00Z","2026-11-22T11:00:00.500Z","2023-11-15T00:00:00Z","2026-11-22T11:00:00Z"]},` +
				`{"values":[7,9007199254740993,null,4]`},
		{`{"features":["type_stats:i32","type_stats:b","type_stats:ts","type_stats:fl","type_stats:sl","type_stats:nanf","type_stats:inff","type_stats:big"],"entities":{"driver_id":[1005,1006]}}`,
			`[-1,null]|["AP8=",null]|[1700006400,null]|[[0.5,-1.0],[1.0,null,3.0]]|[["a",""],[]]|[2.0,null]|["Infinity",null]|[-9223372036854775808,null]`},
	} {
		s := New(m, m, Options{Now: wireTime, Rules: lookup.Rules{KeepStale: true}})
		_, body := send(s, "POST /get-online-features", c.body)
		for _, part := range strings.Split(c.want, "|") {
			if !strings.Contains(body, part) {
				t.Errorf("%s\ngot  %s\nlack %s", c.body, body, part)
			}
		}
	}
}

// TestListenReadsAlike: the package-less service answers look-ups as ServingService does.
func TestListenReadsAlike(t *testing.T) {
	m := wireStore(t)
	s := New(m, m, Options{Now: wireTime})
	for _, r := range listenedRequests(t) {
		if r.method != "GetOnlineFeatures" {
			continue
		}
		reply, err := s.hear(r.method, r.message)
		d := describe(t)
		decoded := message(d, "Response")
		if err != nil || proto.Unmarshal(reply, decoded) != nil || !strings.Contains(prototext.Format(decoded), "pushed_stats") && get(decoded, "results").List().Len() != 3 {
			t.Errorf("%v: %v", err, decoded)
		}
	}
}

// TestListenRecordingIsFeasts: Feast's classes still make these requests.
func TestListenRecordingIsFeasts(t *testing.T) {
	script, err := os.ReadFile("testdata/listen.py")
	if err != nil {
		t.Fatal(err)
	}
	var made string
	wrapped := "import io, json, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    exec(compile(" +
		pythonString(string(script)) + ", 'listen.py', 'exec'))\nprint(json.dumps(out.getvalue()))"
	oracletest.RunFeast(t, wrapped, &made)
	want, err := os.ReadFile("testdata/listen.txt")
	if err != nil || made != string(want) {
		t.Errorf("testdata/listen.py makes other requests (%v):\n%s", err, made)
	}
}

// pythonString writes s as a literal: every byte of it in hex.
func pythonString(s string) string {
	return "bytes.fromhex('" + hex.EncodeToString([]byte(s)) + "')"
}

// TestTimesOfTheSDK: the SDK calls the times of rows event_timestamp and created, whatever
// the view calls them. That holds where the view's own are not there, and the names mean
// nothing else in the view.
func TestTimesOfTheSDK(t *testing.T) {
	m := lookup.NewMemory()
	keys := []column.Field{{Name: "id", Type: column.Int64}}
	m.Define(&lookup.View{Name: "plain", Keys: keys, Event: "seen", Created: "made", Fields: []lookup.Field{{Name: "x", Type: column.Int64}}})
	m.Define(&lookup.View{Name: "taken", Keys: keys, Event: "seen", Fields: []lookup.Field{{Name: "event_timestamp", Type: column.Int64}}})
	s := wireService(m, lookup.Rules{})
	for _, c := range []struct {
		df   string
		code int
		want string
	}{
		{`"id":[1],"x":[1],"event_timestamp":["2026-11-22T10:00:00"],"created":[null]`, 200, `"2026-11-22T10:00:00Z"]`},
		{`"id":[1],"x":[2],"event_timestamp":["2026-11-22T10:00:00"],"created":["2026-11-22T10:00:01"]`, 200, `{"values":[2]`},
		{`"id":[1],"x":[3],"event_timestamp":["2026-11-22T10:00:00"],"made":["2026-11-22T10:00:00"],"created":["2026-11-22T12:00:00"]`, 200, `{"values":[2]`},
		{`"id":[1],"x":[4],"event_timestamp":["2000-01-01T00:00:00"],"seen":["2026-11-22T11:00:00"]`, 200, `"2026-11-22T11:00:00Z"]`},
		{`"id":[1],"x":[5]`, 422, `{"values":[4]`},
	} {
		if code, body := send(s, "POST /write-to-online-store", `{"feature_view_name":"plain","df":{`+c.df+`}}`); code != c.code {
			t.Errorf("%s: %d %s", c.df, code, body)
		}
		if _, body := send(s, "POST /get-online-features", `{"features":["plain:x"],"entities":{"id":[1]}}`); !strings.Contains(body, c.want) {
			t.Errorf("after %s: %s, want %s", c.df, body, c.want)
		}
	}
	code, body := send(s, "POST /write-to-online-store", `{"feature_view_name":"taken","df":{"id":[1],"event_timestamp":["2026-11-22T10:00:00"]}}`)
	if code != 422 || !strings.Contains(body, "'seen'] not in index") {
		t.Errorf("a feature that is called so: %d %s", code, body)
	}
}

// TestWideRows: a row of a view with thousands of features is pushed as any other, and a
// column that is there twice is found among as many.
func TestWideRows(t *testing.T) {
	m := lookup.NewMemory()
	wide := &lookup.View{Name: "wide", Keys: []column.Field{{Name: "id", Type: column.Int64}}}
	var df strings.Builder
	df.WriteString(`"id":[1],"event_timestamp":["2026-11-22T10:00:00Z"]`)
	for i := range 5000 {
		wide.Fields = append(wide.Fields, lookup.Field{Name: fmt.Sprintf("f%d", i), Type: column.Int64})
		fmt.Fprintf(&df, `,"f%d":[%d]`, i, i)
	}
	m.Define(wide)
	s := wireService(m, lookup.Rules{})
	for _, c := range []struct {
		df   string
		code int
	}{{df.String(), 200}, {df.String() + `,"f4321":[0]`, 422}, {df.String() + `,"id":[2]`, 422}} {
		if code, body := send(s, "POST /write-to-online-store", `{"feature_view_name":"wide","df":{`+c.df+`}}`); code != c.code {
			t.Errorf("%d %s, want %d", code, body, c.code)
		}
	}
	if _, body := send(s, "POST /get-online-features", `{"features":["wide:f4999"],"entities":{"id":[1]}}`); !strings.Contains(body, `[4999]`) {
		t.Error(body)
	}
}

// FuzzListen: no message makes a write panic or blame itself, and what is written has one
// shape.
func FuzzListen(f *testing.F) {
	for _, r := range listenedRequests(f) {
		f.Add(r.method == "Push", r.message)
	}
	f.Add(true, protowire.AppendBytes([]byte{0x0a}, []byte{0x0a, 0x01, 'a'}))
	m := wireStore(f)
	s := New(m, sink{}, Options{Limits: Limits{Body: 4000}})
	f.Fuzz(func(t *testing.T, pushed bool, body []byte) {
		method := "WriteToOnlineStore"
		if pushed {
			method = "Push"
		}
		if _, err := s.hear(method, body); err != nil {
			if fault := s.FaultOf(err); fault.HTTP >= 500 || fault.GRPC == grpcInternal {
				t.Fatalf("%s %x: %v", method, body, err)
			}
		}
	})
}
