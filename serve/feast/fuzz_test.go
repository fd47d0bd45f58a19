package feast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"quern/features/diag"
	"quern/internal/jsonscan"
	"quern/serve/lookup"
)

// FuzzJSON: what the scanner takes, encoding/json takes, and the other way round, but
// for what is strict or lenient on purpose.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-0.5e+3,true,null,"é\n😀"]}`, `[]`, ` {} `, `"\u12"`, `01`, `-`, `1.`, `[1,]`, `{"a"}`, "\"\x01\"", `tru`, `1 2`, `NaN`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{text: text}
		_, raw, err := s.value()
		if err == nil {
			err = s.end()
		}
		special := bytes.Contains(text, []byte("NaN")) || bytes.Contains(text, []byte("Infinity"))
		valid := json.Valid(text)
		if err == nil && !valid && !special {
			t.Fatalf("%q was taken", text)
		}
		var deep *diag.Error
		if err != nil && valid && utf8.Valid(text) && !bytes.Contains(bytes.ToLower(text), []byte(`\ud`)) && !errors.As(err, &deep) {
			t.Fatalf("%q was refused: %v", text, err)
		}
		if err == nil && valid && len(raw) > 0 && raw[0] == '"' {
			var want string
			json.Unmarshal(text, &want)
			in := scanner{text: raw}
			inner, _, _ := in.str()
			if got := string(jsonscan.Unescape(nil, inner)); got != want {
				t.Fatalf("%q: %q, want %q", text, got, want)
			}
		}
	})
}

// checkFault: a request that anybody may send never makes a 5xx, and every reply is JSON.
func checkReply(t *testing.T, s *Service, call, body string) {
	t.Helper()
	code, reply := send(s, call, body)
	if code >= 500 || code < 200 {
		t.Fatalf("%s %q: %d %s", call, body, code, reply)
	}
	if reply != "" && !json.Valid([]byte(reply)) {
		t.Fatalf("%s %q: the reply is no JSON: %q", call, body, reply)
	}
}

func small(m *lookup.Memory) *Service {
	return New(m, m, Options{Now: wireTime, Limits: Limits{Body: 4000, Rows: 50, Features: 20, Cells: 200}})
}

func FuzzLookupJSON(f *testing.F) {
	for _, store := range []string{"sqlite"} {
		for _, x := range exchangesOf(f, store) {
			if strings.Contains(x.Call, "get-online") {
				f.Add(x.Send)
			}
		}
	}
	s := small(wireStore(f))
	f.Fuzz(func(t *testing.T, body string) { checkReply(t, s, "POST /get-online-features", body) })
}

func FuzzPushJSON(f *testing.F) {
	for line := range strings.Lines(wireRows) {
		f.Add(line)
	}
	for _, x := range exchangesOf(f, "redis") {
		if !strings.Contains(x.Call, "get-online") {
			f.Add(x.Send)
		}
	}
	m := wireStore(f)
	s := New(m, sink{}, Options{Limits: Limits{Body: 4000, Rows: 50}})
	f.Fuzz(func(t *testing.T, body string) {
		checkReply(t, s, "POST /write-to-online-store", body)
		checkReply(t, s, "POST /push", body)
	})
}

// sink takes rows and checks that they have one shape.
type sink struct{}

func (sink) Write(_ context.Context, r *lookup.Rows) error {
	for i := range r.Keys {
		if r.Keys[i].Len != r.Rows || r.Keys[i].Nulls() != 0 {
			return errors.New("keys of another length, or null")
		}
	}
	for i := range r.Fields {
		if r.Fields[i].Len != r.Rows {
			return errors.New("fields of another length")
		}
	}
	if len(r.Event) != r.Rows || len(r.Created) != r.Rows || r.Rows == 0 {
		return errors.New("times of another length")
	}
	return nil
}

func FuzzProtoRequest(f *testing.F) {
	flat := newFlat(3, 10)
	f.Add(flat.protoRequest(1))
	f.Add(flat.protoRequest(10))
	f.Add([]byte("\x0a\x03svc\x1a\x0c\x0a\x09driver_id"))
	f.Add([]byte("\x12\x15\x0a\x13driver_stats:feature_00\x1a\x12\x0a\x09driver_id\x12\x05\x0a\x03\x12\x01\x35"))
	s := New(flat, nil, Options{Limits: Limits{Body: 4000, Rows: 10, Features: 20, Cells: 200}})
	d := describe(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		reply, err := s.GetOnlineFeatures(context.Background(), body, nil)
		if err != nil {
			if fault := s.FaultOf(err); fault.HTTP >= 500 {
				t.Fatalf("%x: %v", body, err)
			}
			return
		}
		if err := unmarshal(d, "Response", reply); err != nil {
			t.Fatalf("%x: %v", body, err)
		}
	})
}
