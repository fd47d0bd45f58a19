package output_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"quern/features/diag"
	"quern/pipeline/output"
	"quern/pipeline/sink"
	"quern/pipeline/sink/npy"
	"quern/pipeline/sink/parquet"
)

// checkUnfinished checks what others may see of a run that did not end: parts that
// have their name are whole, and the manifest is there only if everything is.
func checkUnfinished(t *testing.T, where string, m *memory, want map[string][]byte, whole bool) {
	t.Helper()
	_, err := output.Verify(context.Background(), m)
	_, manifest := m.objects[output.ManifestName]
	switch {
	case manifest && err != nil:
		t.Fatalf("%s: there is a manifest, but %v", where, err)
	case !manifest && code(err) != "Q321":
		t.Fatalf("%s: without a manifest: %v, want Q321", where, err)
	}
	for name, data := range m.objects {
		if whole && !strings.HasPrefix(name, "_quern/") && !bytes.Equal(data, want[name]) {
			t.Fatalf("%s: %s is visible and not whole", where, name)
		}
	}
}

// finish runs the job again, and again if the first ends with "nothing to do".
func finish(t *testing.T, where string, tab table, m *memory, job output.Job, want map[string][]byte) {
	t.Helper()
	_, err := tab.write(m, job)
	if err != nil && code(err) != "Q430" {
		t.Fatalf("%s: the second run: %v", where, err)
	}
	for name := range want {
		if !bytes.Equal(m.objects[name], want[name]) {
			t.Fatalf("%s: after the second run %s has other bytes", where, name)
		}
	}
	if _, err := output.Verify(context.Background(), m); err != nil {
		t.Fatalf("%s: after the second run: %v", where, err)
	}
}

// eachOp calls f for every operation that a run makes, with a store that fails there.
// prepare returns what is there before the run.
func eachOp(t *testing.T, tab table, job output.Job, prepare func() *memory, dead bool, f func(where string, m *memory)) {
	t.Helper()
	for at := 1; ; at++ {
		m := prepare()
		m.failAt, m.dead, m.failure = m.ops+at, dead, syscall.ENOSPC
		_, err := tab.write(m, job)
		if m.ops < m.failAt {
			if at < 20 {
				t.Fatalf("only %d operations in a run", at)
			}
			return
		}
		where := fmt.Sprintf("%s, operation %d (all others too: %v)", tab.format.Suffix(), at, dead)
		if code(err) != "Q432" && err != nil {
			t.Fatalf("%s: %v, want Q432", where, err)
		}
		if _, ok := m.objects[output.ManifestName]; err == nil && !ok {
			t.Fatalf("%s: no error and no manifest", where)
		}
		next := m.revive()
		f(where, next)
	}
}

// TestEveryOperationMayFail fails each operation of a run once, alone and as the
// last one of a process that dies there, for a new output and for one that is
// replaced.
func TestEveryOperationMayFail(t *testing.T) {
	for _, format := range []sink.Format{parquet.Format{}, npy.Format{}} {
		tab := newTable(format)
		want := finished(t, tab).snapshot()
		old := tab.job()
		old.Digest = "an older job"
		replacing := tab.job()
		replacing.Overwrite = true
		for _, c := range []struct {
			job     output.Job
			prepare func() *memory
		}{
			{tab.job(), newMemory},
			{replacing, func() *memory { m := newMemory(); tab.write(m, old); return m }},
		} {
			for _, dead := range []bool{false, true} {
				eachOp(t, tab, c.job, c.prepare, dead, func(where string, m *memory) {
					if !c.job.Overwrite || m.objects[output.ManifestName] == nil {
						checkUnfinished(t, where, m, want, true)
					}
					finish(t, where, tab, m, c.job, want)
				})
			}
		}
	}
}

// TestPowerMayFail takes the power away at each operation: what was not synced stays,
// goes or is cut.
func TestPowerMayFail(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, format := range []sink.Format{parquet.Format{}, npy.Format{}} {
		tab := newTable(format)
		want := finished(t, tab).snapshot()
		for range 10 {
			eachOp(t, tab, tab.job(), newMemory, true, func(where string, m *memory) {
				where += ", without power"
				m.losePower(r)
				checkUnfinished(t, where, m, want, false)
				finish(t, where, tab, m, tab.job(), want)
			})
		}
	}
}

// TestALostSyncIsNoticed is the test of the tests: a store that forgets to sync must
// fail them.
func TestALostSyncIsNoticed(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	tab := newTable(parquet.Format{})
	bad := 0
	for range 50 {
		m := finished(t, tab)
		m.durable = map[string]bool{output.ManifestName: true}
		m.losePower(r)
		if _, err := output.Verify(context.Background(), m); err != nil {
			bad++
		}
	}
	if bad < 25 {
		t.Errorf("only %d of 50 lost parts were noticed", bad)
	}
}

// TestMutantsAreNoticed changes one byte of a finished output at a time: any byte of
// any file must make Verify fail.
func TestMutantsAreNoticed(t *testing.T) {
	mutants := 20000
	if testing.Short() {
		mutants = 2000
	}
	r := rand.New(rand.NewPCG(5, 6))
	for _, format := range formats() {
		m := finished(t, newTable(format))
		names := slices.Sorted(maps.Keys(m.objects))
		for i := range mutants / len(formats()) {
			name := names[i%len(names)]
			data := m.objects[name]
			mutant := bytes.Clone(data)
			at, to := r.IntN(len(data)), byte(r.IntN(255)+1)
			if i%4 == 0 {
				to = 1 << r.IntN(8)
			}
			mutant[at] ^= to
			m.objects[name] = mutant
			_, err := output.Verify(context.Background(), m)
			if code(err) != "Q320" {
				t.Fatalf("%s byte %d, %#x to %#x: %v", name, at, data[at], mutant[at], err)
			}
			m.objects[name] = data
		}
		if _, err := output.Verify(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherDamageIsNoticed cuts, extends, removes, exchanges and adds files.
func TestOtherDamageIsNoticed(t *testing.T) {
	for _, format := range formats() {
		base := finished(t, newTable(format))
		names := slices.Sorted(maps.Keys(base.objects))
		check := func(what string, damage func(map[string][]byte)) {
			t.Helper()
			m := base.revive()
			damage(m.objects)
			if _, err := output.Verify(context.Background(), m); code(err) != "Q320" && code(err) != "Q321" {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, name := range names {
			data := base.objects[name]
			for _, n := range []int{0, 1, len(data) / 2, len(data) - 1} {
				check(name+" cut", func(o map[string][]byte) { o[name] = data[:n] })
			}
			check(name+" longer", func(o map[string][]byte) { o[name] = append(bytes.Clone(data), '\n') })
			check(name+" gone", func(o map[string][]byte) { delete(o, name) })
		}
		check("exchanged", func(o map[string][]byte) {
			o[names[1]], o[names[len(names)-1]] = append(o[names[len(names)-1]], 0), o[names[1]]
		})
		check("another part", func(o map[string][]byte) { o["part-00007"+format.Suffix()] = []byte("x") })
		check("another file of the kind", func(o map[string][]byte) { o["more"+format.Suffix()] = []byte("x") })
	}
}

func TestManifestsMadeByHandAreRefused(t *testing.T) {
	base := finished(t, newTable(parquet.Format{}))
	text := string(base.objects[output.ManifestName])
	for name, other := range map[string]string{
		"indented otherwise": strings.ReplaceAll(text, "\n ", "\n  "),
		"a key twice":        strings.Replace(text, "{\n", "{\n \"version\": 1,\n", 1),
		"an unknown key":     strings.Replace(text, "{\n", "{\n \"more\": 1,\n", 1),
		"another version":    strings.Replace(text, "\"version\": 1", "\"version\": 2", 1),
		"rows":               strings.Replace(text, "\"rows\": 103", "\"rows\": 104", 1),
		"not JSON":           "x" + text,
		"empty":              "",
		"null":               "null\n",
		"no seal":            text[:strings.Index(text, "\"seal\"")] + "\"seal\": \"\"\n}\n",
	} {
		m := base.revive()
		m.objects[output.ManifestName] = []byte(other)
		if other == text {
			t.Fatalf("%s changed nothing", name)
		}
		if _, err := output.Verify(context.Background(), m); code(err) != "Q320" {
			t.Errorf("%s: %v, want Q320", name, err)
		}
		tab := newTable(parquet.Format{})
		if _, err := tab.write(m, tab.job()); code(err) != "Q320" {
			t.Errorf("%s: taken up: %v", name, err)
		}
		job := tab.job()
		job.Overwrite = true
		if _, err := tab.write(m, job); err != nil || !bytes.Equal(m.objects[output.ManifestName], []byte(text)) && name != "" {
			if got, err := output.Verify(context.Background(), m); err != nil || got.Content == "" {
				t.Errorf("%s: replacing it: %v", name, err)
			}
		}
	}
}

// TestFailuresSayWhatToDo checks codes and exit classes of the system's errors.
func TestFailuresSayWhatToDo(t *testing.T) {
	tab := newTable(parquet.Format{})
	for _, c := range []struct {
		err   error
		code  diag.Code
		class diag.Class
	}{
		{syscall.ENOSPC, "Q432", diag.Unavailable},
		{syscall.EDQUOT, "Q432", diag.Unavailable},
		{&os.PathError{Op: "write", Path: "x", Err: syscall.EFBIG}, "Q432", diag.Unavailable},
		{syscall.EACCES, "Q433", diag.Unavailable},
		{syscall.EROFS, "Q433", diag.Unavailable},
		{syscall.ENOTDIR, "Q433", diag.Unavailable},
		{syscall.EIO, "Q434", diag.Failed},
	} {
		for _, at := range []int{1, 3, 9} {
			m := newMemory()
			m.failAt, m.failure = at, c.err
			_, err := tab.write(m, tab.job())
			entry, known := diag.Lookup(code(err))
			if code(err) != c.code || !known || entry.Class != c.class || !errors.Is(err, c.err) {
				t.Errorf("%v at operation %d: %v", c.err, at, err)
			}
		}
	}
	m := newMemory()
	m.failAt, m.failure = 5, context.Canceled
	if _, err := tab.write(m, tab.job()); !errors.Is(err, context.Canceled) || code(err) != "" {
		t.Errorf("an interrupted run: %v", err)
	}
}
