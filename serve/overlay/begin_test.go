package overlay

import (
	"testing"
)

// TestBegin: the sequences of a log without rows follow another one's, also after a restart;
// those of a log with rows stay.
func TestBegin(t *testing.T) {
	l, path := smallLayout(t), t.TempDir()
	v := mustOpen(t, path, l, Options{})
	if err := v.Begin(1000); err != nil {
		t.Fatal(err)
	}
	v.Close()
	v = mustOpen(t, path, l, Options{})
	if err := v.Begin(500); err != nil {
		t.Fatal(err)
	}
	mustPut(t, v, small{1, 1, 1})
	if err := v.Begin(2000); err != nil {
		t.Fatal(err)
	}
	mustPut(t, v, small{1, 1, 2})
	if st := v.Stats(); st.Durable != 1002 || st.Trimmed != 1000 {
		t.Errorf("%+v", st)
	}
	v.Close()
	v = mustOpen(t, path, l, Options{})
	expect(t, v, map[int64]int64{1: 2})
	if err := mustOpen(t, t.TempDir(), l, Options{}).Begin(maxSeq); !isCode(err, "Q671") {
		t.Errorf("a sequence that nobody reaches: %v", err)
	}
}

// TestLock: of a folder and of those in it, apart.
func TestLock(t *testing.T) {
	path := t.TempDir()
	held, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(path); !isCode(err, "Q675") {
		t.Errorf("locked twice: %v", err)
	}
	mustOpen(t, path+"/in", smallLayout(t), Options{})
	held.Close()
	if held, err = Lock(path); err != nil {
		t.Error(err)
	}
	held.Close()
}
