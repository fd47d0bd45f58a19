package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"quern/shard/commitlog"
	"quern/shard/record"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// start is when the jobs of the tests begin, in microseconds.
const start = 1_795_000_000_000_000

// at is an instant so many milliseconds after start.
func at(ms int64) int64 { return start + ms*1000 }

// told is a claim with a note.
func told(phase, shard uint32, worker string, from, to int64) *record.Claim {
	note := fmt.Sprintf(`{"started":%d,"ended":%d,"worker":%q,"parts":[1,2]}`, at(from), at(to), worker)
	return &record.Claim{Phase: phase, Shard: shard, Attempt: record.NewAttempt(at(from), uint64(shard)), Rows: 1000 + int64(shard),
		Note: []byte(note), Files: []record.File{{Name: "f", Size: 512}}}
}

// example is a job of two phases: a straggler, a failed shard, an attempt that lost, a
// coordinator that was restarted, and a claim without a note.
func example() *commitlog.Status {
	plan := &record.Plan{Phase: record.Phase{Learns: true, Shards: 6}, AllowFailed: 1, Document: "_quern/manifest.json"}
	_, job := plan.Encode()
	first := commitlog.PhaseStatus{Phase: plan.Phase, Claims: []*record.Claim{
		told(0, 0, "alpha/10", 0, 900), told(0, 1, "alpha/9", 20, 1100), told(0, 2, "alpha/10", 950, 1900),
		told(0, 3, "alpha/9", 1200, 4100), told(0, 4, "alpha/10", 2600, 3500),
		{Phase: 0, Shard: 5, Attempt: record.NewAttempt(at(3600), 1), Failure: "flights.parquet row group 3: <cut> & \x1b[31mred"},
	}, Others: []commitlog.Other{{Shard: 3, Attempt: record.NewAttempt(at(2000), 9)}}}
	first.Fitted = &record.Fitted{Attempt: record.NewAttempt(at(4200), 2), Failed: []uint32{5}, Next: record.Phase{Number: 1, Shards: 4}}
	second := commitlog.PhaseStatus{Phase: first.Fitted.Next, Claims: []*record.Claim{
		told(1, 0, "alpha/9", 4300, 5200), told(1, 1, "beta <1>", 4310, 5400), nil, {Phase: 1, Shard: 3, Attempt: record.NewAttempt(at(5500), 3), Rows: 7},
	}, Others: []commitlog.Other{{Shard: 2, Attempt: record.NewAttempt(at(5600), 4)}}}
	return &commitlog.Status{Job: job, Plan: plan, Epoch: 2, Phases: []commitlog.PhaseStatus{first, second},
		Epochs: []*record.Epoch{{Number: 1, Driver: record.NewAttempt(at(-50), 0)}, {Number: 2, Driver: record.NewAttempt(at(2500), 0)}}}
}

// golden compares with a file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(want, got) {
		t.Errorf("%s, %v: not what it was; read the difference, then -rewrite:\n%s", path, err, got)
	}
}

func TestReports(t *testing.T) {
	r := Of(example())
	var text, drawing, data bytes.Buffer
	if err := errors.Join(r.Summary(&text), r.Chart(&text, ChartOptions{}), r.Chart(&text, ChartOptions{ASCII: true, Columns: 80}),
		r.Chart(&text, ChartOptions{Lanes: 2}), r.SVG(&drawing), r.JSON(&data)); err != nil {
		t.Fatal(err)
	}
	golden(t, "example.txt", text.Bytes())
	golden(t, "example.svg", drawing.Bytes())
	golden(t, "example.json", data.Bytes())
	var back Report
	if err := json.Unmarshal(data.Bytes(), &back); err != nil || back.Schema != Schema || len(back.Phases[0].Stragglers) != 1 {
		t.Errorf("%v: %+v", err, back)
	}
}

func TestStates(t *testing.T) {
	if s := Of(example()).State; s != Running {
		t.Errorf("the example is %s", s)
	}
	done := example()
	done.Manifest = &record.Manifest{Attempt: record.NewAttempt(at(9000), 1), Rows: 77}
	if r := Of(done); r.State != Done || r.Rows != 77 || r.Seconds != 9.05 {
		t.Errorf("%s, %d rows, %v s", r.State, r.Rows, r.Seconds)
	}
	doomed := example()
	doomed.Plan.AllowFailed = 0
	doomed.Phases = doomed.Phases[:1]
	doomed.Phases[0].Fitted = nil
	if s := Of(doomed).State; s != Failed {
		t.Errorf("a job that too many shards failed is %s", s)
	}
	doomed.Phases[0].Claims[0] = nil
	if s := Of(doomed).State; s != Running {
		t.Errorf("as long as a shard is open, the job is %s", s)
	}
	fresh := example()
	fresh.Epoch, fresh.Epochs = 0, nil
	fresh.Phases = []commitlog.PhaseStatus{{Phase: fresh.Plan.Phase, Claims: make([]*record.Claim, 6)}}
	var text bytes.Buffer
	r := Of(fresh)
	if err := errors.Join(r.Summary(&text), r.Chart(&text, ChartOptions{}), r.SVG(&text)); err != nil || r.State != Planned {
		t.Errorf("%v: a job that nobody began is %s\n%s", err, r.State, text.String())
	}
}

// TestBusyIsWhatTheCellsSay: over random jobs, the cells of all lanes hold as much time as
// the shards took, whatever the columns and the groups.
func TestBusyIsWhatTheCellsSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		r := Of(randomJob(random, 1+random.IntN(60), 1+random.IntN(8)))
		var took float64
		for _, p := range r.Phases {
			for _, x := range p.Tasks {
				took += x.seconds()
			}
		}
		columns := 1 + random.IntN(150)
		var busy float64
		lanes := grouped(r.lanes(), 1+random.IntN(10))
		for i := range lanes {
			for _, c := range lanes[i].cells(r.Started, r.Ended, columns) {
				busy += c.busy * float64(lanes[i].workers) * r.Seconds / float64(columns)
			}
		}
		if math.Abs(busy-took) > 1e-6*took+1e-3 {
			t.Fatalf("round %d: the cells hold %v s, the shards took %v s", round, busy, took)
		}
	}
}

// TestLanesDoNotOverlap: no two shards of a lane are at the same time, and there are as
// few lanes as can be: somewhere all of a worker's lanes are taken.
func TestLanesDoNotOverlap(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		r := Of(randomJob(random, 1+random.IntN(60), 1+random.IntN(3)))
		perWorker, total := map[string]int{}, 0
		for _, l := range r.lanes() {
			perWorker[l.bars[0].Worker]++
			for i, b := range l.bars {
				if total++; i > 0 && b.from < l.bars[i-1].to {
					t.Fatalf("lane %s: shards lie on each other", l.name)
				}
			}
		}
		if total != len(r.bars()) {
			t.Fatalf("%d of %d shards are in lanes", total, len(r.bars()))
		}
		for worker, lanes := range perWorker {
			deepest := 0
			for _, b := range r.bars() {
				at := 0
				for _, c := range r.bars() {
					if c.Worker == worker && c.from <= b.from && b.from < c.to {
						at++
					}
				}
				deepest = max(deepest, at)
			}
			if lanes > max(1, deepest) {
				t.Fatalf("worker %q has %d lanes and %d shards at a time", worker, lanes, deepest)
			}
		}
	}
}

// randomJob is a job of one phase whose shards are anywhere.
func randomJob(random *rand.Rand, shards, workers int) *commitlog.Status {
	plan := &record.Plan{Phase: record.Phase{Shards: uint32(shards)}, Document: "d"}
	_, job := plan.Encode()
	p := commitlog.PhaseStatus{Phase: plan.Phase, Claims: make([]*record.Claim, shards)}
	for i := range p.Claims {
		from := random.Int64N(100_000)
		p.Claims[i] = told(0, uint32(i), fmt.Sprintf("host-%d/%d", i%workers%7, i%workers), from, from+1+random.Int64N(3_000))
	}
	return &commitlog.Status{Job: job, Plan: plan, Phases: []commitlog.PhaseStatus{p}}
}

// TestLargeJobsGiveSmallCharts: ten thousand shards of a thousand workers.
func TestLargeJobsGiveSmallCharts(t *testing.T) {
	r := Of(randomJob(rand.New(rand.NewPCG(5, 6)), 10_000, 1_000))
	var drawing, text bytes.Buffer
	if err := errors.Join(r.SVG(&drawing), r.Chart(&text, ChartOptions{Columns: 200})); err != nil {
		t.Fatal(err)
	}
	if drawing.Len() > 400<<10 {
		t.Errorf("the SVG has %d bytes", drawing.Len())
	}
	wellFormed(t, drawing.Bytes())
	if lines := strings.Count(text.String(), "\n"); lines > 44 {
		t.Errorf("%d lines", lines)
	}
	fits(t, text.String(), 200)
}

func TestNamesAscendLikeNumbers(t *testing.T) {
	order := []string{"", "a", "a/9", "a/10", "a/11", "a/100", "a10/2", "a10/10", "b"}
	for i, a := range order {
		for j, b := range order {
			if got := compareNames(a, b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}

// wellFormed reads XML to its end, and looks for scripts.
func wellFormed(t *testing.T, data []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		if e, ok := token.(xml.StartElement); ok {
			if !strings.Contains(" svg title desc style text rect line path ", " "+e.Name.Local+" ") {
				t.Fatalf("element %s in\n%s", e.Name.Local, data)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
					t.Fatalf("attribute %s in\n%s", a.Name.Local, data)
				}
			}
		}
	}
}

// fits checks that a text fits a terminal, and does not steer it.
func fits(t *testing.T, text string, columns int) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Fatalf("no UTF-8: %q", text)
	}
	for _, line := range strings.Split(text, "\n") {
		if len([]rune(line)) > columns || strings.ContainsAny(line, "\x1b\r\x00\x7f\u202e") {
			t.Fatalf("%d runes: %q", len([]rune(line)), line)
		}
	}
}

// FuzzNotes gives claims notes, names and times that nobody would write.
func FuzzNotes(f *testing.F) {
	f.Add([]byte(`{"started":1795000000000000,"ended":1795000001000000,"worker":"host/1"}`), "no", int64(start))
	f.Add([]byte(`{"started":-1,"ended":9e99,"worker":7}`), "</text><script>alert(1)</script>", int64(-1))
	f.Add([]byte(`{"started":9007199254740991,"ended":9007199254740991,"worker":"]]>&\u0000\u202e\ud800"}`), "\x1b[2J\xff", int64(1))
	f.Add([]byte(`[`), "", int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, note []byte, failure string, started int64) {
		s := example()
		s.Phases[1].Claims[0].Note = note
		s.Phases[1].Claims[1].Attempt = record.NewAttempt(started, 0)
		s.Phases[1].Claims[1].Note = nil
		s.Phases[0].Claims[5].Failure = failure
		s.Epochs[1].Driver = record.NewAttempt(started, 0)
		r := Of(s)
		var drawing, text, data bytes.Buffer
		if err := errors.Join(r.SVG(&drawing), r.Chart(&text, ChartOptions{Columns: 120}), r.JSON(&data)); err != nil {
			t.Fatal(err)
		}
		wellFormed(t, drawing.Bytes())
		fits(t, text.String(), 120)
		text.Reset()
		if err := r.Summary(&text); err != nil {
			t.Fatal(err)
		}
		fits(t, text.String(), 600)
		var back Report
		if err := json.Unmarshal(data.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		again := Of(s)
		for i := range again.Phases { // what JSON does not hold
			for j := range again.Phases[i].Tasks {
				again.Phases[i].Tasks[j].factor = 0
			}
		}
		if !reflect.DeepEqual(&back, again) {
			t.Fatalf("JSON gives back\n%+v\nnot\n%+v", &back, again)
		}
	})
}
