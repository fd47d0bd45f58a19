//go:build unix

package overlay

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/serve/row"
)

// childFolder is the environment's name of the folder that a child pushes to.
const childFolder = "QUERN_OVERLAY_CHILD"

// kills is how often a child is killed.
func kills() int {
	if testing.Short() {
		return 10
	}
	return 60
}

// TestChild is what is killed: it pushes rows, some of them in one call, from several
// goroutines, and writes a line for each that was acknowledged.
func TestChild(t *testing.T) {
	path := os.Getenv(childFolder)
	if path == "" {
		t.Skip("only for TestKilledUnderLoad")
	}
	v, err := Open(path, smallLayout(t), Options{fileBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	seed := time.Now().UnixNano()
	var group sync.WaitGroup
	for g := range int64(4) {
		group.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(seed), uint64(g)))
			for id := seed&^3 | g; ; id += 4 << 8 {
				var all []small
				for i := range 1 + rnd.Int64N(4) {
					all = append(all, small{rnd.Int64N(8)*4 + i, rnd.Int64N(1 << 40), id + 4*i})
				}
				last, err := v.Put(context.Background(), encode(t, v.Layout(), all...))
				if err != nil {
					panic(err)
				}
				line := ""
				for i, s := range all {
					line += fmt.Sprintln(s.key, s.event, s.id, int(last)-len(all)+1+i)
				}
				os.Stdout.WriteString(line) // at once
			}
		})
	}
	group.Wait()
}

// TestKilledUnderLoad kills processes, one after the other in one folder, and finds every
// row that they said was acknowledged, or a greater one.
func TestKilledUnderLoad(t *testing.T) {
	l, path := smallLayout(t), t.TempDir()
	least := map[int64]row.Row{}
	lines := 0
	rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for kill := range kills() {
		said := runAndKill(t, path, time.Duration(5+rnd.IntN(60))*time.Millisecond)
		for _, line := range said {
			var s small
			var seq uint64
			if _, err := fmt.Sscan(line, &s.key, &s.event, &s.id, &seq); err != nil {
				t.Fatalf("the child wrote %q", line)
			}
			r := copyRow(encode(t, l, s).At(0))
			l.SetSeq(r, seq)
			if old, some := least[s.key]; !some || l.Compare(r, old) > 0 {
				least[s.key] = r
			}
		}
		lines += len(said)
		v, err := Open(path, l, Options{})
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		for key, want := range least {
			r := get(v, nil, key)
			if r.Missing() || l.Compare(r, want) < 0 {
				t.Fatalf("kill %d: key %d has lost what was acknowledged", kill, key)
			}
			if _, err := decode(l, r); err != nil {
				t.Fatal(err)
			}
			least[key] = r
		}
		if kill%7 == 3 {
			if seq, err := v.Snapshot(func(*row.Rows) error { return nil }); err != nil || kill%2 == 0 && v.Trim(0, "") != nil {
				t.Fatal(seq, err)
			}
		}
		v.Close()
	}
	t.Logf("%d acknowledged rows, %d kills", lines, kills())
	if lines < 50*kills() {
		t.Errorf("only %d rows were pushed", lines)
	}
}

// runAndKill starts a child, kills it a while after it wrote its first line, and returns
// the lines that it wrote whole.
func runAndKill(t *testing.T, path string, after time.Duration) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestChild$")
	cmd.Env = append(os.Environ(), childFolder+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(out)
	var all []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			break // what is cut off was not said
		}
		if all = append(all, strings.TrimSpace(line)); len(all) == 1 {
			time.AfterFunc(after, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	if stderr.Len() > 0 {
		t.Fatalf("the child: %s", stderr.String())
	}
	return all
}
