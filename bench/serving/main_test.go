//go:build linux

package main

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMeasure is the whole benchmark, on few entities for a moment: real processes, every
// answer checked, every load and swap.
func TestMeasure(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts the program")
	}
	t.Chdir("../..")
	program := filepath.Join(t.TempDir(), "quern")
	if out, err := exec.Command("go", "build", "-o", program, "quern/cmd/quern").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := &settings{program: program, folder: filepath.Join(t.TempDir(), "serving"), entities: 3000, rounds: 1, seconds: 0.1,
		feast: t.TempDir(), result: filepath.Join(t.TempDir(), "result.json")}
	if err := s.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := readReport(s.result)
	if err != nil {
		t.Fatal(err)
	}
	if want := 5 * len(protocols()); len(r.Cells) != want || r.Anchor.Note == "" || r.Swap.Swaps == 0 || r.Transform.Median.P50 <= 0 {
		t.Errorf("%d loads were measured, not %d: %+v", len(r.Cells), want, r)
	}
	for _, m := range r.Cells {
		if m.Median.P50 <= 0 || m.Median.Rate <= 0 || m.Median.Bytes == 0 {
			t.Errorf("%s, %+v: %+v", m.Protocol, m.load, m.Median)
		}
	}
	for _, c := range r.Checked {
		if c.Answers < s.entities/100 {
			t.Errorf("%s: %d answers were checked", c.Protocol, c.Answers)
		}
	}
}

// TestDocument: the document says what the committed figures say.
func TestDocument(t *testing.T) {
	t.Chdir("../..")
	r, err := readReport(resultPath)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := filled(string(page), r); err != nil || want != string(page) {
		t.Errorf("%s is not what %s says (%v): go run ./bench/serving -page", documentPath, resultPath, err)
	}
}

// perfect returns the answer of a server that makes no mistake.
func perfect(t *table, ids []int64) *answer {
	a := &answer{}
	for f := range features {
		values, status, event := make([]float32, len(ids)), make([]string, len(ids)), make([]int64, len(ids))
		for r, id := range ids {
			status[r] = "NOT_FOUND"
			if id >= int64(t.entities) {
				continue
			}
			old := false
			event[r], old = t.event(int(id))
			x, ok := cell(t.row(int(id)), f)
			switch {
			case old:
				status[r] = "OUTSIDE_MAX_AGE"
			case ok:
				status[r], values[r] = "PRESENT", x
			default:
				status[r] = "NULL_VALUE"
			}
		}
		a.names, a.values, a.status, a.event = append(a.names, name(f)), append(a.values, values), append(a.status, status), append(a.event, event)
	}
	return a
}

// TestCheckCatches: an answer that is wrong in one bit does not pass.
func TestCheckCatches(t *testing.T) {
	data := &table{version: 1, entities: 1000, now: time.Now().Unix() * 1e6}
	ids := []int64{0, 5, 999, 1000, 1 << 40}
	for id := int64(0); id < 300; id++ {
		ids = append(ids, id) // some are too old, and some cells are null
	}
	if err := data.check(ids, perfect(data, ids), false); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, column := range perfect(data, ids).status {
		for _, s := range column {
			seen[s] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("the data have the statuses %v", seen)
	}
	for what, spoil := range map[string]func(a *answer){
		"a bit":        func(a *answer) { a.values[7][1] = math.Float32frombits(math.Float32bits(a.values[7][1]) ^ 1) },
		"a status":     func(a *answer) { a.status[49][3] = "PRESENT" },
		"a time":       func(a *answer) { a.event[0][0]++ },
		"a row less":   func(a *answer) { a.values[3] = a.values[3][1:] },
		"a column":     func(a *answer) { a.names = a.names[1:]; a.values = a.values[1:] },
		"two columns":  func(a *answer) { a.names[0], a.names[1] = a.names[1], a.names[0] },
		"another row":  func(a *answer) { a.values[2][0], a.values[2][1] = a.values[2][1], a.values[2][0] },
		"wider digits": func(a *answer) { a.wide = [][]float64{{float64(a.values[0][0]) + 1e-12}} },
	} {
		a := perfect(data, ids)
		spoil(a)
		if data.check(ids, a, false) == nil {
			t.Errorf("%s: not seen", what)
		}
	}
	other := &table{version: 2, entities: 1000, now: data.now}
	if other.check(ids, perfect(data, ids), false) == nil {
		t.Error("an answer of another version passes")
	}
}

// TestDecode: what is no reply is an error, and no panic.
func TestDecode(t *testing.T) {
	for _, p := range protocols() {
		for _, text := range []string{"x", "\x0a\xff", "\x12\x05\x0a\x03\x31\x00", strings.Repeat("\x0a", 99), strings.Repeat("\xff", 99)} {
			if _, err := p.decode([]byte(text)); err == nil {
				t.Errorf("%s: %q is an answer", p.name, text)
			}
		}
	}
}

// TestPoisson: as many as the rate says, at times that are spread as they should be.
func TestPoisson(t *testing.T) {
	all := poisson(1000, 10*time.Second)
	if n := len(all); n < 9600 || n > 10400 {
		t.Errorf("%d arrivals, not about 10,000", n)
	}
	long := 0
	for i := 1; i < len(all); i++ {
		if all[i] < all[i-1] {
			t.Fatal("they are not in order")
		}
		if all[i]-all[i-1] > time.Millisecond {
			long++
		}
	}
	if share := float64(long) / float64(len(all)); math.Abs(share-1/math.E) > 0.02 {
		t.Errorf("%.3f of the gaps are longer than the mean, not 1/e", share)
	}
}

// TestSettle takes the middle of rounds.
func TestSettle(t *testing.T) {
	m := &measured{Rounds: []*round{{P50: 3}, {P50: 1}, {P50: 2}}}
	if m.settle(); m.Median.P50 != 2 {
		t.Errorf("the median of 3, 1 and 2 is %v", m.Median.P50)
	}
	m.Rounds = append(m.Rounds, &round{P50: 4})
	if m.settle(); m.Median.P50 != 2.5 {
		t.Errorf("the median of 3, 1, 2 and 4 is %v", m.Median.P50)
	}
}

// The p99 of rounds is that of their requests together, not of their p99s.
func TestMiddle(t *testing.T) {
	calm := &round{P99: 1}
	for range 1000 {
		calm.took = append(calm.took, time.Millisecond)
	}
	rough := &round{P99: 9} // 1.5 % of the requests of both
	for range 30 {
		rough.took = append(rough.took, 9*time.Millisecond)
	}
	for range 970 {
		calm.took = append(calm.took, time.Millisecond)
	}
	if m := middle([]*round{calm, rough}); m != (medium{All: 9, Least: 1, Most: 9}) {
		t.Errorf("30 of 2000 requests took 9 ms: %+v", m)
	}
	rough.took = rough.took[:10]
	if m := middle([]*round{rough, calm}); m != (medium{All: 1, Least: 1, Most: 9}) {
		t.Errorf("10 of 1980 requests took 9 ms: %+v", m)
	}
}
