package procs

import (
	"encoding/json"
	"testing"

	"quern/shard/core"
)

// FuzzABI: whatever a process writes, the other one takes it for what it is or refuses it.
func FuzzABI(f *testing.F) {
	good, _ := json.Marshal(Answer{Phase: 1, Shard: 2, Outcome: "committed", Reason: "x", Rows: 3})
	for _, seed := range []string{`{"phase":1,"shard":2}`, `{"phase":1,"shard":2} `, `{"Phase":1,"Shard":2}`, `{"phase":4294967296,"shard":0}`, `{"phase":1}`,
		`{"phase":1,"shard":2}{}`, `{"phase":1,"shard":2,"x":0}`, `[]`, `null`, ``, `{"phase":1.5,"shard":2}`, string(good), `{"phase":1,"shard":2,"code":42,"outcome":"poisoned"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if d, err := ParseDescriptor(line); err == nil {
			text, _ := json.Marshal(d)
			if again, err := ParseDescriptor(text); err != nil || again != d {
				t.Errorf("%q is %+v, which is written %q and read %+v (%v)", line, d, text, again, err)
			}
		}
		to := Descriptor{1, 2}
		if a, err := parseAnswer(line, to); err == nil && (a.Phase != 1 || a.Shard != 2 || a.Outcome != OutcomeOf(a.Code)) {
			t.Errorf("%q was taken for %+v", line, a)
		}
	})
}

// TestOutcomes: every code has its word.
func TestOutcomes(t *testing.T) {
	for code, want := range map[core.Code]string{core.Committed: "committed", core.Poisoned: "poisoned", core.Fenced: "fenced", core.Retry: "retry", core.Broken: "broken"} {
		if got := OutcomeOf(code); got != want {
			t.Errorf("code %d is %q, want %q", code, got, want)
		}
	}
}
