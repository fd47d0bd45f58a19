package main

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// TestScripts runs the command lines of testdata/*.txt, each file in a folder of its
// own with a copy of examples/flights and examples/movies in it:
//
//	# a comment
//	$ quern check recipe.yaml      the command line
//	  good                         a line of standard output
//	! talk                         a line of standard error
//	= 2                            the exit code, unless it is 0
//
// Other commands: write FILE with lines that start with <, flip FILE BYTE (from the
// end if negative), cut FILE BYTES, remove, copy FROM TO, list FOLDER,
// job FOLDER STATE (makes the log of a job), second (waits for the next one), and those of
// a server: see server. Times,
// speeds, memory, digests, the folder and why there is no GPU are replaced by words;
// versions of views are called VERSION-1, VERSION-2 ... in commands, too.
func TestScripts(t *testing.T) {
	t.Setenv("QUERN_GPU", "0") // scripts are the same on machines with one
	files, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			absolute, _ := filepath.Abs(file)
			workFolder(t)
			s := &script{t: t}
			s.play(string(want))
			if *rewrite {
				if err := os.WriteFile(absolute, s.out.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := s.out.String(); got != string(want) {
				t.Errorf("%s\nplays differently (read the difference, then -rewrite):\n%s", file, difference(string(want), got))
			}
		})
	}
}

// workFolder changes to a temporary folder with a copy of the examples.
func workFolder(t *testing.T) {
	t.Helper()
	folder := t.TempDir()
	for _, name := range []string{"flights/recipe.yaml", "flights/flights-200k.parquet", "movies/recipe.yaml", "movies/viewers.jsonl"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(folder)
}

// script plays commands and writes what it sees.
type script struct {
	t        *testing.T
	out      bytes.Buffer
	versions []string // of views, in the order in which they were seen
	server   *server
}

// play runs the commands of a script and writes it anew, with what they print now.
func (s *script) play(text string) {
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		command, isCommand := strings.CutPrefix(lines[i], "$ ")
		switch {
		case strings.HasPrefix(lines[i], "# "):
			fmt.Fprintln(&s.out, lines[i])
		case isCommand:
			fmt.Fprintln(&s.out, lines[i])
			var input []string
			for ; i+1 < len(lines) && strings.HasPrefix(lines[i+1], "<"); i++ {
				fmt.Fprintln(&s.out, lines[i+1])
				input = append(input, strings.TrimPrefix(strings.TrimPrefix(lines[i+1], "<"), " "))
			}
			s.command(words(s.named(command)), strings.Join(input, "\n")+"\n")
			fmt.Fprintln(&s.out)
		}
	}
}

// command runs one command.
func (s *script) command(args []string, input string) {
	var err error
	switch args[0] {
	case "quern":
		s.quern(args[1:])
	case "write":
		if err = os.MkdirAll(filepath.Dir(args[1]), 0o755); err == nil {
			err = os.WriteFile(args[1], []byte(input), 0o644)
		}
	case "flip", "cut":
		err = damage(args)
	case "remove":
		err = os.RemoveAll(args[1])
	case "copy":
		var data []byte
		if data, err = os.ReadFile(args[1]); err == nil {
			err = os.WriteFile(args[2], data, 0o644)
		}
	case "job":
		err = makeJob(args[1], args[2])
	case "list":
		err = filepath.WalkDir(args[1], func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				fmt.Fprintln(&s.out, "  "+filepath.ToSlash(path))
			}
			return err
		})
	case "second": // the next one: versions that are begun in one second have no order
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	case "serve", "ask", "await", "stop":
		err = s.serving(args)
	default:
		err = fmt.Errorf("unknown command %q", args[0])
	}
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
}

// damage flips a bit of a file's byte, or cuts the file to a length.
func damage(args []string) error {
	data, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if args[0] == "cut" {
		return os.WriteFile(args[1], data[:n], 0o644)
	}
	if n < 0 {
		n += len(data)
	}
	data[n] ^= 1
	return os.WriteFile(args[1], data, 0o644)
}

// quern runs the program within this process and notes what it prints.
func (s *script) quern(args []string) {
	out, talk, code := runQuern(s.t, args...)
	s.print("  ", out)
	s.print("! ", talk)
	if code != 0 {
		fmt.Fprintf(&s.out, "= %d\n", code)
	}
}

// print notes lines that a program printed.
func (s *script) print(prefix, text string) {
	for _, line := range splitLines(s.numbered(normal(text))) {
		fmt.Fprintln(&s.out, strings.TrimRight(prefix+line, " "))
	}
}

// runQuern runs a command line within this process.
func runQuern(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, talk bytes.Buffer
	code = newApp(&out, &talk).run(t.Context(), args)
	return out.String(), talk.String(), code
}

// normal replaces what differs from run to run.
func normal(text string) string {
	if wd, err := os.Getwd(); err == nil {
		text = strings.ReplaceAll(text, wd, "$WORK")
	}
	for _, r := range []struct{ pattern, with string }{
		{`\d+\.\d\d s, [\d,]+ rows/s, [\d.e+-]+ GB/s`, "TIME, SPEED"},
		{`peak \d+ MiB`, "peak MEMORY"},
		{`\b[0-9a-f]{64}\b`, "DIGEST"},
		{`model [0-9a-f]{12}\b`, "model DIGEST"},
		{`(?m)^quern (unknown|\(devel\)|v[0-9]\S*|[0-9a-f]{40})(, modified)?$`, "quern REVISION"},
		{`the manifest says \d+`, "the manifest says SIZE"},
		{`_quern-probe\.\d+-\d+`, "_quern-probe"},
		{`([0-9a-f]{12})  \d+ s\n`, "DIGEST  AGE\n"},
		{`(built"?:? +"?)[0-9T:.-]+Z`, "${1}TIME"},
		{`http://127\.0\.0\.1:\d+`, "http://ADDRESS"},
		{`go1\.[0-9.]+ \w+/\w+`, "GO SYSTEM"},
		{`this program is built without CUDA|switched off by QUERN_GPU=0`, "NO CUDA"},
		{"`make cuda` builds build/quern-cuda, which has it|unset QUERN_GPU", "NEXT STEP"},
		{`(?m)^note: the GPU is not used: .*\n`, ""},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.with)
	}
	return text
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// words splits a command line at blanks; single quotes keep blanks.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}

// difference lists the lines around the first one that differs.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < len(w) && at < len(g) && w[at] == g[at] {
		at++
	}
	cut := func(lines []string) string {
		return strings.Join(lines[min(max(0, at-3), len(lines)):min(at+12, len(lines))], "\n")
	}
	return fmt.Sprintf("line %d\n--- want\n%s\n--- got\n%s", at+1, cut(w), cut(g))
}
