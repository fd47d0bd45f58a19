package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quern/features/column"
	"quern/pipeline/sink"
	sinkparquet "quern/pipeline/sink/parquet"
	"quern/pipeline/source"
	"quern/pipeline/source/parquet"
	"quern/serve/audit"
)

// serveWhile runs quern serve until use is done, and returns its log.
func serveWhile(t *testing.T, use func(url string), args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	read, write := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- newApp(io.Discard, write).run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0", "--linger", "0"}, args...))
		write.Close()
	}()
	var log strings.Builder
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		log.WriteString(lines.Text() + "\n")
		if m := regexp.MustCompile(`listening on (http://[0-9.:]+)`).FindStringSubmatch(lines.Text()); m != nil {
			use(m[1])
			stop()
		}
	}
	if got := <-code; got != 0 {
		t.Errorf("quern serve: exit code %d\n%s", got, log.String())
	}
	return log.String()
}

// served is a store with a view, and the log of a server that served it.
func served(t *testing.T, flags ...string) (folder, log string) {
	folder = t.TempDir()
	for _, name := range []string{"recipe.yaml", "viewers.jsonl"} {
		text, err := os.ReadFile("../../examples/movies/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, name), text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{"fit recipe.yaml -o movies.quern", "publish movies.quern --store views"} {
		args := strings.Fields(line)
		for i, a := range args {
			if strings.Contains(a, ".") || a == "views" {
				args[i] = filepath.Join(folder, a)
			}
		}
		if _, talk, code := runQuern(t, args...); code != 0 {
			t.Fatalf("quern %s: %s", line, talk)
		}
	}
	flags = append([]string{"--store", filepath.Join(folder, "views"), "--log-features", filepath.Join(folder, "served"), "--log-sample", "1"}, flags...)
	return folder, serveWhile(t, func(url string) {
		for key := range 210 {
			reply, err := http.Post(url+"/v1/lookup", "application/json", strings.NewReader(fmt.Sprintf(`{"view":"movies","rows":[{"viewer":%d}]}`, key)))
			if err != nil {
				t.Fatal(err)
			}
			reply.Body.Close()
		}
	}, flags...)
}

// TestAudit serves, audits, and finds what a fault in the log looks like.
func TestAudit(t *testing.T) {
	folder, log := served(t, "--log-format", "json")
	for line := range strings.Lines(log) {
		var one struct{ Time, Level, Msg string }
		if json.Unmarshal([]byte(line), &one) != nil || one.Msg == "" || one.Level != "INFO" {
			t.Errorf("%q is no line of a JSON log", line)
		}
	}
	args := []string{"audit", filepath.Join(folder, "served"), "--store", filepath.Join(folder, "views")}
	out, talk, code := runQuern(t, args...)
	if code != 0 || !strings.Contains(talk, "210 rows in the log, 210 computed again, 0 that cannot be, mismatches 0") ||
		!regexp.MustCompile(`ratings_given +210 +0 +`).MatchString(out) {
		t.Errorf("exit code %d\n%s%s", code, out, talk)
	}
	spoil(t, filepath.Join(folder, "served"))
	out, talk, code = runQuern(t, args...)
	if code != 1 || !strings.Contains(talk, "Q685") || !regexp.MustCompile(`ratings_given +210 +1 +`).MatchString(out) ||
		!strings.Contains(out, "viewer=7 at ") {
		t.Errorf("after a fault was planted: exit code %d\n%s%s", code, out, talk)
	}
	out, _, code = runQuern(t, append(args, "--json")...)
	var report audit.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil || code != 1 || report.Mismatches != 1 || report.Checked != 210 {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	if err := os.Rename(filepath.Join(folder, "viewers.jsonl"), filepath.Join(folder, "moved.jsonl")); err != nil {
		t.Fatal(err)
	}
	if out, _, code = runQuern(t, args...); code != 0 || !strings.Contains(out, "not checked 210: the source cannot be read") {
		t.Errorf("without the source: exit code %d\n%s", code, out)
	}
	if out, _, code = runQuern(t, append(args, "--source", filepath.Join(folder, "moved.jsonl"))...); code != 1 || !strings.Contains(out, "checked 210, mismatches 1") {
		t.Errorf("with the source elsewhere: exit code %d\n%s", code, out)
	}
}

// spoil changes the value of one feature in one row of a log, as a faulty server would.
func spoil(t *testing.T, folder string) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "movies", "*", "*.parquet"))
	check(err)
	if len(files) != 1 {
		t.Fatalf("the log has the files %v", files)
	}
	src, err := parquet.Open(t.Context(), parquet.Options{Files: []source.File{source.Local(files[0], files[0])}})
	check(err)
	defer src.Close()
	schema := src.Schema()
	r, err := src.NewReader(schema.Names())
	check(err)
	defer r.Close()
	b, err := r.Read(t.Context(), src.Chunks()[0])
	check(err)
	key, value := &b.Columns[schema.Find("key__viewer")], &b.Columns[schema.Find("value__ratings_given")]
	flat := column.Vector{Type: value.Values.Type, Len: b.Rows, Valid: column.NewBitmap(b.Rows)}
	for i := range b.Rows {
		if !value.Null(i) {
			flat.Valid.Set(i)
		}
		x := value.Values.Float(value.Slot(i))
		if key.Values.Int(key.Slot(i)) == 7 {
			x += 0.25
		}
		if flat.Type == column.Float32 {
			flat.Float32s = append(flat.Float32s, float32(x))
		} else {
			flat.Float64s = append(flat.Float64s, x)
		}
	}
	*value = column.Column{Len: b.Rows, Values: flat}
	fields := make([]sink.Field, len(schema))
	for i, f := range schema {
		fields[i].Field = f
	}
	var text strings.Builder
	part, err := sinkparquet.Format{}.NewPart(&text, fields)
	check(err)
	check(part.Write(b))
	check(part.Close())
	check(os.WriteFile(files[0], []byte(text.String()), 0o600))
}

// TestWatchFlags are refused where they make no sense, before the server listens.
func TestWatchFlags(t *testing.T) {
	dir := t.TempDir()
	for line, want := range map[string]string{
		"--log-format xml":                      "text or json",
		"--log-features x --log-sample 0":       "Q688",
		"--log-features x --log-sample 2":       "Q688",
		"--log-features x --log-size much":      "no size",
		"--log-features /dev/null/x":            "Q687",
		"--trace localhost:4318":                "Q689",
		"--trace http://x --trace-sample 1.1":   "Q689",
		"--trace http://x --trace-sample -0.01": "Q689",
	} {
		args := append([]string{"serve", "--store", dir, "--listen", "127.0.0.1:0"}, strings.Fields(line)...)
		for i, a := range args {
			if a == "x" {
				args[i] = filepath.Join(dir, "x")
			}
		}
		_, talk, code := runQuern(t, args...)
		if code == 0 || !strings.Contains(talk, want) {
			t.Errorf("quern serve %s: exit code %d, %s, want %q", line, code, talk, want)
		}
	}
}
