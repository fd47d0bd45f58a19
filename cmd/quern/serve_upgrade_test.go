package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestServeProcess is a process of TestUpgrade: quern with the arguments that it is given.
func TestServeProcess(t *testing.T) {
	args := os.Getenv("QUERN_ARGUMENTS")
	if args == "" {
		t.Skip("only for TestUpgrade")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	os.Exit(newApp(os.Stdout, os.Stderr).run(ctx, strings.Fields(args)))
}

// process is a server in a process of its own.
type process struct {
	*exec.Cmd
	said *strings.Builder
	done chan struct{} // closed when it has said all
}

// startProcess starts a server and waits until it listens, with all its views.
func startProcess(t *testing.T, address, store string) *process {
	t.Helper()
	p := &process{exec.Command(os.Args[0], "-test.run=^TestServeProcess$"), &strings.Builder{}, make(chan struct{})}
	p.Env = append(os.Environ(), "QUERN_ARGUMENTS=serve --reuse-port --linger 300ms --store "+store+" --listen "+address)
	out, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	listens := make(chan struct{})
	go func() {
		defer close(p.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.said.WriteString(lines.Text() + "\n")
			if strings.HasPrefix(lines.Text(), "listening on ") {
				close(listens)
			}
		}
	}()
	t.Cleanup(func() { p.Process.Kill() })
	select {
	case <-listens:
	case <-p.done:
		t.Fatalf("the server ended: %s", p.said)
	}
	return p
}

// stop ends a server as an operator does.
func (p *process) stop(t *testing.T) {
	t.Helper()
	p.Process.Signal(syscall.SIGTERM)
	<-p.done
	if err := p.Wait(); err != nil {
		t.Errorf("a server ended with %v: %s", err, p.said)
	}
}

// TestUpgrade: servers follow each other on one port while clients of all kinds ask, and no
// client meets an error.
func TestUpgrade(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can steer connections")
	}
	store := publishOne(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	old := startProcess(t, address, store)
	ctx, end := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	var answered atomic.Int64
	for _, ask := range askers(address) {
		clients.Go(func() {
			for ctx.Err() == nil {
				if err := ask(); err != nil {
					t.Errorf("after %d answers: %v", answered.Load(), err)
					return
				}
				answered.Add(1)
			}
		})
	}
	some := func() { // some answers, so that every server gets requests
		for n := answered.Load(); answered.Load() < n+200 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	rounds := 3
	if os.Getenv("QUERN_LONG") != "" {
		rounds = 50
	}
	for range rounds {
		some()
		next := startProcess(t, address, store)
		some()
		old.stop(t)
		old = next
	}
	wrong := startProcess(t, address, store) // the new one is no good: back to the old one
	some()
	wrong.stop(t)
	some()
	end()
	clients.Wait()
	old.stop(t)
	t.Logf("%d answers over %d servers", answered.Load(), rounds+2)
}

// publishOne publishes a view and returns the store.
func publishOne(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"zones.yaml":  "quern: 1\nname: zones\nsource: {jsonl: zones.jsonl, schema: {zone: int32, load: int32}}\nkey: [zone]\ntime: ts\nfeatures:\n  - columns: [load]\n",
		"zones.jsonl": `{"zone": 1, "load": 7, "ts": "2026-01-01T00:00:00Z"}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	store := filepath.Join(dir, "views")
	for _, line := range []string{"fit " + dir + "/zones.yaml", "publish " + dir + "/zones.quern --store " + store} {
		if out, talk, code := runQuern(t, strings.Fields(line)...); code != 0 {
			t.Fatalf("quern %s: %d %s %s", line, code, out, talk)
		}
	}
	return store
}

// askers are clients: each makes one request, by a connection that it keeps, or a new one,
// or slowly.
func askers(address string) []func() error {
	url := "http://" + address + "/v1/lookup"
	with := func(c *http.Client, body func() io.Reader) func() error {
		return func() error {
			reply, err := c.Post(url, "application/json", body())
			if err != nil {
				return err
			}
			defer reply.Body.Close()
			text, err := io.ReadAll(reply.Body)
			if err == nil && (reply.StatusCode != 200 || !strings.Contains(string(text), `"load":7`)) {
				err = fmt.Errorf("%s %s", reply.Status, text)
			}
			return err
		}
	}
	const body = `{"view":"zones","rows":[{"zone":1}]}`
	quick := func() io.Reader { return strings.NewReader(body) }
	slow := func() io.Reader {
		r, w := io.Pipe()
		go func() {
			for _, b := range []byte(body) {
				time.Sleep(20 * time.Millisecond)
				w.Write([]byte{b})
			}
			w.Close()
		}()
		return r
	}
	two := &http.Protocols{}
	two.SetUnencryptedHTTP2(true)
	return []func() error{
		with(&http.Client{Transport: &http.Transport{}}, quick),
		with(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, quick),
		with(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, quick),
		with(&http.Client{Transport: &http.Transport{Protocols: two}}, quick),
		with(&http.Client{Transport: &http.Transport{}}, slow),
		with(&http.Client{Transport: &http.Transport{Protocols: two}}, slow),
	}
}
