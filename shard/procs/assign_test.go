package procs

import (
	"sync"
	"testing"
)

// TestAssign: whoever checks what a child may say is told of each task before the child
// is, also of a second try, a twin, and the next child of a seat.
func TestAssign(t *testing.T) {
	j := newJob(t.TempDir(), 12, "0/1=kill 0/3=code75 1/0=slow 1/11=slow")
	o := j.options(3)
	var mu sync.Mutex
	may := map[int]Descriptor{}
	o.Assign = func(i int, d Descriptor) {
		mu.Lock()
		defer mu.Unlock()
		may[i] = d
	}
	begun := 0
	o.Notify = func(e Event) {
		j.notify(e)
		if e.Kind != Started && e.Kind != Twinned {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if begun++; may[e.Child] != e.Descriptor {
			t.Errorf("child %d was given %+v when it might speak of %+v", e.Child, e.Descriptor, may[e.Child])
		}
	}
	if err := j.run(t, New(o)); err != nil {
		t.Fatal(err)
	}
	if begun < 26 {
		t.Errorf("only %d tasks were given", begun)
	}
}
