//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// feast is the environment that scripts/feast_server.sh makes: Feast, and Redis if it could be had.
type feast struct {
	python, folder string
	redis          string // the program; "": SQLite
	script         string // feast_store.py
}

// anchor says what stands beside quern in the report, or why nothing does.
type anchor struct {
	Note      string  `json:"note,omitempty"` // why it is not there
	Version   string  `json:"version,omitempty"`
	Python    string  `json:"python,omitempty"`
	Store     string  `json:"store,omitempty"`
	Entities  int     `json:"entities,omitempty"`
	Load      float64 `json:"load_s,omitempty"`
	LoadPeak  int64   `json:"load_bytes,omitempty"`  // of the process that loads
	StoreSize int64   `json:"store_bytes,omitempty"` // memory of Redis, or the file
	Resident  int64   `json:"resident_bytes,omitempty"`
}

// findFeast looks for the environment; the note says what is missing.
func findFeast(environment, folder, script string) (f *feast, note string) {
	python, err := filepath.Abs(filepath.Join(environment, "bin", "python"))
	if err == nil {
		_, err = os.Stat(python)
	}
	if err != nil {
		return nil, "Feast was not there: scripts/feast_server.sh could not install it"
	}
	f = &feast{python: python, folder: folder, script: script}
	if redis := filepath.Join(filepath.Dir(python), "redis-server"); exec.Command(redis, "--version").Run() == nil {
		f.redis = redis
	}
	return f, ""
}

// serve loads the table and starts Feast's server.
func (f *feast) serve(ctx context.Context, t *table, into *anchor) (*target, error) {
	if err := os.MkdirAll(f.folder, 0o755); err != nil {
		return nil, err
	}
	to := &target{server: "Feast", by: feastJSON(), table: t, lax: true}
	port, err := 0, error(nil)
	into.Store = "SQLite"
	if f.redis != "" {
		if to.store, port, err = f.startRedis(ctx, into); err != nil {
			return nil, err
		}
	}
	if err := f.load(ctx, t, port, into); err != nil {
		to.stop()
		return nil, err
	}
	if err := f.start(ctx, to); err != nil {
		to.stop()
		return nil, err
	}
	into.Resident, _ = to.process.resident()
	into.StoreSize = folderBytes(filepath.Join(f.folder, "repo"))
	if to.store != nil {
		into.StoreSize, _ = to.store.resident()
	}
	return to, nil
}

// stop ends a server and its store.
func (t *target) stop() {
	if t.process != nil {
		t.process.stop()
	}
	if t.store != nil {
		t.store.stop()
	}
}

// startRedis starts Redis on loopback, without persistence.
func (f *feast) startRedis(ctx context.Context, into *anchor) (*process, int, error) {
	port, err := freePort()
	if err != nil {
		return nil, 0, err
	}
	version, err := exec.CommandContext(ctx, f.redis, "--version").Output()
	if err != nil {
		return nil, 0, err
	}
	into.Store = "Redis"
	if words := bytes.Fields(version); len(words) > 2 {
		into.Store += " " + string(bytes.TrimPrefix(words[2], []byte("v=")))
	}
	p, err := begin(f.folder, f.redis, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no")
	if err != nil {
		return nil, 0, err
	}
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return p, port, nil
		}
		select {
		case <-p.ended:
			return nil, 0, p.died()
		case <-ctx.Done():
			p.stop()
			return nil, 0, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// load writes the table into the online store.
func (f *feast) load(ctx context.Context, t *table, port int, into *anchor) error {
	data := filepath.Join(f.folder, "feast.parquet")
	if err := t.write(data); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, f.python, f.script, filepath.Join(f.folder, "repo"), data, strconv.Itoa(port))
	c.Env = append(os.Environ(), "FEAST_USAGE=False", "PYTHONDONTWRITEBYTECODE=1")
	var talk bytes.Buffer
	c.Stderr = &talk
	said, err := c.Output()
	if err != nil {
		return fmt.Errorf("feast_store.py: %w\n%.2000s", err, talk.Bytes())
	}
	var made struct {
		Load   float64 `json:"load_s"`
		Bytes  int64   `json:"load_bytes"`
		Feast  string
		Python string
	}
	lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &made); err != nil {
		return fmt.Errorf("feast_store.py printed %.300s: %w", said, err)
	}
	into.Load, into.LoadPeak, into.Version, into.Python, into.Entities = made.Load, made.Bytes, made.Feast, made.Python, t.entities
	return nil
}

// start starts `feast serve` with one worker, which is not ended after 1,000 requests as
// it would be by default, and without a log of requests.
func (f *feast) start(ctx context.Context, to *target) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	to.process, err = begin(f.folder, filepath.Join(filepath.Dir(f.python), "feast"), "-c", filepath.Join(f.folder, "repo"), "serve",
		"-h", "127.0.0.1", "-p", strconv.Itoa(port), "--no-access-log", "--workers", "1", "--max-requests", "100000000")
	if err != nil {
		return err
	}
	to.address = fmt.Sprintf("http://127.0.0.1:%d", port)
	return to.process.healthy(ctx, to.address+"/health")
}

// freePort returns a port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
