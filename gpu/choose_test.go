package gpu

import (
	"math"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// h200 is a machine as one might be: 55 GB/s each way, 16 cores.
func h200() Machine {
	return Machine{Rates: Rates{Up: 55e9, Down: 50e9, Launch: 5e-6}, Start: 0.4, Compute: 1e12, Values: 5e8, Copy: 8e9, Cores: 16}
}

func TestChoose(t *testing.T) {
	slow := h200()
	slow.Up, slow.Down = 2e9, 2e9
	open := h200()
	open.Start = 0
	gamer := h200() // a device without units for float64
	gamer.Compute = 5e9
	few := open
	few.Cores = 1
	for name, c := range map[string]struct {
		w      Work
		m      Machine
		gpu    bool
		reason string
	}{
		"rows unknown":    {Work{-1, 8, 4, 10}, h200(), false, "the rows are not counted yet"},
		"nothing per row": {Work{Rows: 1e9}, h200(), false, "nothing in it is work per row and in numbers"},
		"small":           {Work{200_000, 104, 52, 500}, h200(), false, "200 k rows x 156 B: starting the device alone takes 0.4 s, the CPU needs 12 ms"},
		"slow kernels":    {Work{1_000_000_000, 100, 100, 700}, gamer, false, "1 G rows x 200 B: computing alone takes 1.4e+02 s, the CPU needs 88 s"},
		"slow bus":        {Work{34_000_000, 104, 0, 150}, slow, false, "34 M rows x 104 B: copying alone takes 1.8 s, the CPU needs 0.64 s"},
		"large":           {Work{1_000_000_000, 104, 104, 700}, h200(), true, "1 G rows x 208 B: the device takes 2.6 s, most of it copying; the CPU needs 88 s"},
		"many cores copy": {Work{1_000_000_000, 100, 100, 700}, few, true, "1 G rows x 200 B: the device takes 25 s, most of it filling page-locked memory; the CPU needs 1.4e+03 s"},
		"open already":    {Work{2_000_000, 4, 4, 200}, open, true, "2 M rows x 8 B: the device takes 0.44 ms, most of it computing; the CPU needs 50 ms"},
		"nearly equal":    {Work{1_000_000, 100, 0, 16}, open, false, "1 M rows x 100 B: the device takes 1.9 ms, too little less than the CPU, which needs 2 ms"},
		"no rows":         {Work{0, 100, 0, 16}, open, false, "0 rows x 100 B: the device takes less than 0.1 ms, too little less than the CPU, which needs less than 0.1 ms"},
	} {
		got := Choose(c.w, c.m)
		if got.GPU != c.gpu || got.Reason != c.reason {
			t.Errorf("%s: %v %q\nwant %v %q", name, got.GPU, got.Reason, c.gpu, c.reason)
		}
	}
}

// TestChooseIsMonotonic: more rows, a faster bus or a slower CPU never speak for the CPU.
func TestChooseIsMonotonic(t *testing.T) {
	for _, values := range []float64{1, 30, 1000} {
		was := false
		for rows := int64(1); rows < 1e10; rows *= 3 {
			is := Choose(Work{rows, 40, 20, values}, h200()).GPU
			if was && !is {
				t.Errorf("%g values: not any more at %d rows", values, rows)
			}
			was = is
		}
		was = false
		for up := 1e9; up < 1e12; up *= 2 {
			m := h200()
			m.Up, m.Down = up, up
			is := Choose(Work{1e9, 40, 20, values}, m).GPU
			if was && !is {
				t.Errorf("%g values: not any more at %g B/s", values, up)
			}
			was = is
		}
	}
}

// TestWorkOfCountsWhatTravels: numbers cost bytes, texts codes, what is per entry of a
// dictionary nothing, and each column travels once.
func TestWorkOfCountsWhatTravels(t *testing.T) {
	schema := column.Schema{{Name: "x", Type: column.Float32}, {Name: "s", Type: column.String}}
	b := program.NewBuilder(schema)
	x, s := b.Load(0), b.Load(1)
	log := b.Emit(program.Log1p, program.Imm{}, x)
	b.Output("log", b.Emit(program.Round32, program.Imm{}, b.Emit(program.Add, program.Imm{}, log, b.Emit(program.ToFloat, program.Imm{}, b.Emit(program.IsNull, program.Imm{}, x)))), program.RoleFeature)
	b.Output("long", b.Emit(program.Length, program.Imm{}, s), program.RoleFeature)
	b.Observe(0, log)
	b.Observe(1, s)
	w := WorkOf(b.Finish(), 100)
	// x: 4 bytes and a bit; s: its code and a bit; what comes back: a float32 and a bit.
	if want := (Work{100, 4.125 + 4.125, 4.125, loopWeight + 4 + statWeight + countWeight}); w != want {
		t.Errorf("%+v\nwant %+v", w, want)
	}
}

// TestWorkOfTextOnlyIsNothing: a device has no part in what is all dictionaries.
func TestWorkOfTextOnlyIsNothing(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
	b.Output("n", b.Emit(program.Length, program.Imm{}, b.Load(0)), program.RoleFeature)
	if w := WorkOf(b.Finish(), 7); w != (Work{Rows: 7}) {
		t.Errorf("%+v", w)
	}
}

func TestTextsOfNumbers(t *testing.T) {
	if s := countText(34_000_000) + countText(1500) + countText(17) + secondsText(0.61) + secondsText(0.0123) + secondsText(0); s != "34 M1.5 k170.61 s12 msless than 0.1 ms" {
		t.Error(s)
	}
	if strings.Contains(Choose(Work{math.MaxInt64, 1e9, 1e9, 1e9}, h200()).Reason, "NaN") {
		t.Error("no number")
	}
}
