//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// token is what every request shows. It opens nothing but a server that a benchmark started.
const token = "benchmark-0123456789abcdefghij"

// loaded is what it took to get the data ready to be served.
type loaded struct {
	Entities      int     `json:"entities"`
	Publish       float64 `json:"publish_s"`               // from the table to a version of the view, verified
	Peak          int64   `json:"publish_bytes"`           // the most memory that took
	PeakAnonymous int64   `json:"publish_anonymous_bytes"` // without pages of files: the source's and the version's
	Ready         float64 `json:"ready_s"`                 // from the start of the server to its first answer
	Resident      int64   `json:"resident_bytes"`
	Anonymous     int64   `json:"anonymous_bytes"` // of it, without pages of the segment's file
	Stored        int64   `json:"stored_bytes"`
}

// quern is the program and the folder it works in.
type quern struct {
	program, folder string
}

// run runs the program to its end and returns the most memory that it had, and how much of
// that, looked at time and again, was not pages of files.
func (q *quern) run(ctx context.Context, args ...string) (peak, anonymous int64, err error) {
	c := exec.CommandContext(ctx, q.program, args...)
	c.Dir = q.folder
	var talk bytes.Buffer
	c.Stdout, c.Stderr = &talk, &talk
	if err := c.Start(); err != nil {
		return 0, 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for look := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-look.C:
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid)) // one that ended has none
			anonymous = max(anonymous, kilobytes(string(text), "RssAnon:"))
			continue
		case err = <-ended:
		}
		look.Stop()
		break
	}
	if err != nil {
		return 0, 0, fmt.Errorf("quern %s: %w\n%s", strings.Join(args, " "), err, talk.Bytes())
	}
	if u, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak = u.Maxrss << 10
	}
	return peak, anonymous, nil
}

// publish makes the data, fits the model and publishes a version of the view.
func (q *quern) publish(ctx context.Context, t *table, into *loaded) error {
	data := fmt.Sprintf("data-%d.parquet", t.version)
	defer os.Remove(filepath.Join(q.folder, data))
	if err := t.write(filepath.Join(q.folder, data)); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(q.folder, "recipe.yaml"), []byte(recipe(data)), 0o644); err != nil {
		return err
	}
	if _, _, err := q.run(ctx, "fit", "recipe.yaml", "--output", "bench.quern"); err != nil {
		return err
	}
	start := time.Now()
	peak, anonymous, err := q.run(ctx, "publish", "bench.quern", "--store", "store", "--force")
	into.Publish, into.Peak, into.PeakAnonymous, into.Entities = time.Since(start).Seconds(), peak, anonymous, t.entities
	return err
}

// serve starts the server with everything on and waits until it answers.
func (q *quern) serve(ctx context.Context, t *table, into *loaded) (*target, error) {
	tokens := filepath.Join(q.folder, "tokens.json")
	text := fmt.Sprintf(`{"tokens": [{"name": "bench", "token": %q, "read": ["*"], "transform": ["*"], "metrics": true}]}`, token)
	if err := os.WriteFile(tokens, []byte(text), 0o600); err != nil {
		return nil, err
	}
	start := time.Now()
	p, err := begin(q.folder, q.program, "serve", "--store", "store", "--listen", "127.0.0.1:0", "--tokens", tokens, "--poll", "50ms")
	if err != nil {
		return nil, err
	}
	address, err := p.says(ctx, "listening on ")
	if err == nil {
		err = p.healthy(ctx, address+"/health")
	}
	to := &target{server: "quern", address: address, token: token, by: feastJSON(), table: t, process: p}
	if err == nil {
		err = to.checkAll(newPool(to, 100, 1), 1)
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	into.Ready = time.Since(start).Seconds()
	into.Resident, into.Anonymous = p.resident()
	into.Stored = folderBytes(filepath.Join(q.folder, "store"))
	return to, nil
}

// over returns the same server, asked in another way.
func (t *target) over(p *protocol) *target {
	other := *t
	other.by = p
	return &other
}

// measured checks that the server counts what it is asked.
func (t *target) measured() error {
	r, err := http.NewRequest(http.MethodGet, t.address+"/metrics", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+t.token)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	if a.StatusCode != http.StatusOK {
		return fmt.Errorf("/metrics: %s", a.Status)
	}
	return nil
}

// folderBytes returns how large the files below a folder are.
func folderBytes(folder string) (n int64) {
	filepath.Walk(folder, func(_ string, f os.FileInfo, err error) error {
		if err == nil && f.Mode().IsRegular() {
			n += f.Size()
		}
		return nil
	})
	return n
}
