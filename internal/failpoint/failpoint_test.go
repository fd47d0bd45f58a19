package failpoint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mentioned returns the names of points in the sources of the module, tests apart.
func mentioned(t *testing.T) []string {
	var names []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return nil // somebody else's test says so
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if s, err := strconv.Unquote(l.Value); err == nil && strings.HasPrefix(s, "failpoint:") && !strings.ContainsAny(s, "[(") {
					names = append(names, s)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// TestNamesCanBeReadFromABinary: all names that the sources have are well formed, so
// that none of them is read as part of another text.
func TestNamesCanBeReadFromABinary(t *testing.T) {
	form := regexp.MustCompile(`^failpoint:[a-z]+(\.[a-z]+)+\.(before|after)$`)
	names := mentioned(t)
	if len(names) < 30 {
		t.Errorf("only %d points: %v", len(names), names)
	}
	for _, name := range names {
		if !form.MatchString(name) || strings.Count(name, "before")+strings.Count(name, "after") != 1 {
			t.Errorf("%q is not a failpoint's name", name)
		}
	}
	if got := Names([]byte(strings.Join(names, "") + "beforeafter" + names[0] + "\x00failpoint:x")); !slices.Equal(got, names) {
		t.Errorf("read %v, want %v", got, names)
	}
}

// program is what the test below builds with the tag.
const program = `package main

import (
	"fmt"
	"os"
	"sync"

	"quern/internal/failpoint"
)

func main() {
	if len(os.Args) > 1 { // many at once
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() { failpoint.Point("failpoint:crowd.pass.before") })
		}
		group.Wait()
		return
	}
	for i := range 3 {
		failpoint.Point("failpoint:loop.turn.before")
		fmt.Print(i)
		if err := failpoint.Err("failpoint:loop.turn.after"); err != nil {
			fmt.Print("!")
		}
	}
}
`

// TestActions builds a program with the tag and has it broken.
func TestActions(t *testing.T) {
	folder, err := os.MkdirTemp(".", "_program-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	source, binary, log := filepath.Join(folder, "main.go"), filepath.Join(t.TempDir(), "main"), filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(source, []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tags := range []string{"", "failpoints"} {
		if out, err := exec.Command("go", "build", "-tags", tags, "-o", binary, source).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		data, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"failpoint:crowd.pass.before", "failpoint:loop.turn.after", "failpoint:loop.turn.before"}
		if tags == "" {
			want = nil // nothing of it is left
		}
		if names := Names(data); !slices.Equal(names, want) {
			t.Errorf("tag %q: the binary has %v, want %v", tags, names, want)
		}
	}
	run := func(point string, args ...string) (string, int) {
		c := exec.Command(binary, args...)
		c.Env = append(os.Environ(), "QUERN_FAILPOINT="+point, "QUERN_FAILPOINT_LOG="+log)
		out, _ := c.Output()
		return string(out), c.ProcessState.ExitCode()
	}
	for _, c := range []struct {
		point, out string
		code       int
	}{
		{"", "012", 0},
		{"failpoint:loop.turn.before", "", -1},
		{"failpoint:loop.turn.before:2", "0", -1},
		{"failpoint:loop.turn.before:3=exit", "01", 1},
		{"failpoint:loop.turn.after:2=error", "01!2", 0},
		{"failpoint:loop.turn.after:1=error,failpoint:loop.turn.after:3=error", "0!12!", 0},
		{"failpoint:loop.turn.before:4", "012", 0},
		{"failpoint:loop.turn", "012", 0},
		{"failpoint:loop.turn.before:2=nonsense", "0", 2},
	} {
		if out, code := run(c.point); out != c.out || code != c.code {
			t.Errorf("%q: %q and code %d, want %q and %d", c.point, out, code, c.out, c.code)
		}
	}
	began := time.Now()
	if out, _ := run("failpoint:loop.turn.before=sleep:300"); out != "012" || time.Since(began) < 300*time.Millisecond {
		t.Errorf("%q after %v", out, time.Since(began))
	}
	os.Remove(log)
	if _, code := run("failpoint:crowd.pass.before:100=exit", "crowd"); code != 1 {
		t.Errorf("the hundredth of a crowd: code %d", code)
	}
	if _, code := run("failpoint:crowd.pass.before:101=exit", "crowd"); code != 0 {
		t.Errorf("more than the crowd: code %d", code)
	}
	if text, _ := os.ReadFile(log); strings.Count(string(text), " failpoint:crowd.pass.before\n") != 200 {
		t.Errorf("the log has %d lines", strings.Count(string(text), "\n"))
	}
}
