package feast

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quern/serve/lookup"
)

// recorded is a request that was recorded, and Feast's answer.
type recorded struct {
	Case, Note  string
	Call        string
	ContentType string `json:"content_type"`
	Send        string
	Status      int
	Receive     string
}

func exchangesOf(t testing.TB, store string) (all []recorded) {
	text, err := os.ReadFile("testdata/exchanges/" + store + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var x recorded
		if err := json.Unmarshal(line, &x); err != nil {
			t.Fatal(err)
		}
		all = append(all, x)
	}
	// What is written must be there when it is read; the recording ran in another order.
	slices.SortStableFunc(all, func(a, b recorded) int {
		reads := func(x recorded) int { return strings.Count(x.Call, "get-online-features") }
		return reads(a) - reads(b)
	})
	return all
}

// decode parses JSON and keeps numbers as they are written: 2.0 is not 2.
func decode(text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return text
	}
	if s, ok := v.(string); ok && strings.HasPrefix(s, "{") {
		return map[string]any{"a string of": decode(s)}
	}
	return v
}

// columns returns the columns of a reply by name, or false if it is none.
func columns(text string) (map[string]map[string]any, bool) {
	var r struct {
		Results  []map[string]any
		Metadata struct {
			Names []string `json:"feature_names"`
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&r) != nil || len(r.Results) == 0 || len(r.Results) != len(r.Metadata.Names) {
		return nil, false
	}
	m := map[string]map[string]any{}
	for i, name := range r.Metadata.Names {
		m[name] = r.Results[i]
	}
	return m, true
}

// differences names everything in which a reply differs from Feast's.
func differences(x recorded, status int, body string) (found []string) {
	note := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if status != x.Status {
		note("status")
	}
	want, ok1 := columns(x.Receive)
	got, ok2 := columns(body)
	if !ok1 || !ok2 {
		if !reflect.DeepEqual(decode(x.Receive), decode(body)) {
			note("body")
		}
		return found
	}
	for name := range got {
		if want[name] == nil {
			note("extra %s", name)
		}
	}
	for name, column := range want {
		for part, cells := range column {
			if !reflect.DeepEqual(cells, got[name][part]) {
				note("%s of %s", part, name)
			}
		}
	}
	views := func(text string) any {
		return decode(text).(map[string]any)["metadata"].(map[string]any)["feature_view_metadata"]
	}
	if !reflect.DeepEqual(views(x.Receive), views(body)) {
		note("view metadata")
	}
	slices.Sort(found)
	return found
}

// TestAnswersAreFeastsOrDeclared answers every recorded request. It fails for a
// difference that differences_test.go does not declare, and for a declared one that
// is none.
func TestAnswersAreFeastsOrDeclared(t *testing.T) {
	for _, store := range []string{"sqlite", "redis"} {
		for _, compat := range []lookup.Compat{lookup.Strict, lookup.FeastPython} {
			t.Run(store+"/"+compat.String(), func(t *testing.T) {
				s := wireService(wireStore(t), lookup.Rules{Compat: compat})
				declared := declaredFor(store, compat)
				all := exchangesOf(t, store)
				if len(all) < 45 {
					t.Fatalf("only %d exchanges", len(all))
				}
				for _, x := range all {
					status, body := send(s, x.Call, x.Send)
					got := strings.Join(differences(x, status, body), ", ")
					d := declared[x.Case]
					if want := d.what; got != want {
						t.Errorf("%s differs in %q, declared is %q\nFeast: %d %s\nquern: %d %s", x.Case, got, want, x.Status, x.Receive, status, body)
					}
					if code, part, _ := strings.Cut(d.answer, " "); got != "" && (code != fmt.Sprint(status) || !strings.Contains(body, part)) {
						t.Errorf("%s: declared is the answer %s\nquern: %d %s", x.Case, d.answer, status, body)
					}
					delete(declared, x.Case)
					if status >= 500 {
						t.Errorf("%s: a 5xx: %d %s", x.Case, status, body)
					}
				}
				for name := range declared {
					t.Errorf("%s is declared to differ, and was not recorded", name)
				}
			})
		}
	}
}
