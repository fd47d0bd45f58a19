//go:build linux && cuda && cgo

package gpu

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"quern/cpu"
	"quern/gpu/fake"
	"quern/gpu/reduce"
)

// wrongs are devices with a fault: the text of a kernel's module that the device takes
// for something else.
func wrongs() []struct{ module, right, wrong string } {
	return []struct{ module, right, wrong string }{
		{"program", "0d3FE62E42FEFA3800;", "0d3FE62E42FEFA3801;"}, // the last bit of log(2)
		{"codes", "], 1;", "], 2;"},
		{"sums", "red.add.u64 \t[%rd887], %rd296;", "red.add.u64 \t[%rd887], 1;"},
		{"tally", "max.u64 \t%rd801, %rd801, %rd461;", "min.u64 \t%rd801, %rd801, %rd461;"},
		{"histogram", "red.add.u32 \t[%rd209], %r168;", "red.add.u32 \t[%rd209], 3;"},
		{"table", "atom.add.u64 \t%rd49, [%rd150], 1;", "atom.add.u64 \t%rd49, [%rd150], 2;"},
		{"keyed", "red.add.u64 \t[%rd252], %rd281;", "red.add.u64 \t[%rd252], 5;"},
	}
}

// A device that computes otherwise is refused, whichever kernel it is that does.
func TestWrongDevicesAreRefused(t *testing.T) {
	if os.Getenv("QUERN_TEST_WRONG") != "" {
		b, err := Open(Options{Reference: cpu.New(), SlotBytes: 8 << 20})
		if err == nil {
			err = errors.Join(errors.New("it is taken"), b.Close())
		}
		os.Stdout.WriteString("\nopened: " + strings.ReplaceAll(err.Error(), "\n", " ") + "\n")
		return
	}
	if os.Getenv("QUERN_FAKE_CHILD") == "" {
		t.Skip("there is no fake driver")
	}
	all := wrongs()
	if testing.Short() {
		all = all[1:2]
	}
	for _, w := range all {
		right := fake.Kernels()[w.module]
		if !bytes.Contains(right, []byte(w.right)) {
			t.Errorf("%s: the PTX has no %q any more", w.module, w.right)
			continue
		}
		library, err := fake.Build(fake.Folder(), fake.Options{
			PTX: fake.Kernels(), Sanitize: fake.Undefined,
			Wrong: map[string][]byte{w.module: bytes.ReplaceAll(right, []byte(w.right), []byte(w.wrong))},
		})
		if err != nil {
			t.Fatal(err)
		}
		child := exec.Command(os.Args[0], "-test.run=^TestWrongDevicesAreRefused$")
		child.Env = append(append(os.Environ(), fake.Environment(library, "limit=100M")...), "QUERN_TEST_WRONG=1")
		out, err := child.CombinedOutput()
		_, said, _ := strings.Cut(string(out), "\nopened: ")
		said, _, _ = strings.Cut(said, "\n")
		if err != nil || !strings.Contains(said, errDiffers.Error()) && !strings.Contains(said, reduce.ErrImpossible.Error()) {
			t.Errorf("%s: %v\n%s", w.module, err, out)
		}
		t.Logf("%s: %s", w.module, said)
	}
}
