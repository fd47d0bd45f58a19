// Package s3test starts a real S3 server for tests, and a proxy in front of it that
// fails in the ways that networks and servers do.
//
// The server is build/s3/versitygw, which `make s3-server` makes from a pinned version. A
// test without it is skipped, and says so, unless QUERN_REQUIRE_S3 is set: then it fails,
// so that a run that must check cannot pass by not checking.
package s3test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Server is a server on a temporary folder and a port of the loopback interface. It ends
// with its test.
type Server struct {
	Endpoint    string // http://127.0.0.1:port
	Key, Secret string
	folder      string
	buckets     int
}

// Start starts a server, or skips the test.
func Start(t testing.TB) *Server {
	t.Helper()
	program, err := find()
	if err != nil && os.Getenv("QUERN_REQUIRE_S3") != "" {
		t.Fatalf("no S3 server: %v; make it with `make s3-server`", err)
	}
	if err != nil {
		t.Skip("no S3 server here; `make s3-server` makes it (about a minute, from the module proxy)")
	}
	s := &Server{Key: "quern-test", Secret: "not-a-secret", folder: t.TempDir()}
	for range 5 { // another process may take the port between our look and the server's
		if err = s.run(t, program); err == nil {
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// run starts the server and waits until it answers.
func (s *Server) run(t testing.TB, program string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := l.Addr().String()
	l.Close()
	c := exec.Command(program, "--port", address, "--quiet", "posix", s.folder)
	c.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.Key, "ROOT_SECRET_KEY="+s.Secret)
	var said strings.Builder
	c.Stdout, c.Stderr = &said, &said
	dieWithParent(c)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel takes the end of the thread that started a process for that of its
		// parent. This one lives as long as the server; others end with tests that need
		// a thread for themselves, as those in network namespaces do.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Start()
		started <- err
		if err == nil {
			c.Wait()
			close(ended)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	t.Cleanup(func() { c.Process.Kill(); <-ended })
	s.Endpoint = "http://" + address
	for range 500 {
		if answer, err := http.Get(s.Endpoint); err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("the server ended: %s", said.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("the server does not answer")
}

// Bucket makes a bucket and returns its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	s.buckets++
	name := fmt.Sprintf("bucket-%d", s.buckets)
	if err := os.Mkdir(filepath.Join(s.folder, name), 0o777); err != nil {
		t.Fatal(err)
	}
	return name
}

// Environment returns the variables by which Amazon's tools, and quern, find the server.
// endpoint is the server's, or that of a proxy; "": the server's.
func (s *Server) Environment(endpoint string) []string {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	return []string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=" + s.Key, "AWS_SECRET_ACCESS_KEY=" + s.Secret,
		"AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true"}
}

// find looks for build/s3/versitygw from the test's folder upwards.
func find() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "build", "s3", "versitygw")
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		up := filepath.Dir(dir)
		if _, top := os.Stat(filepath.Join(dir, "go.mod")); top == nil || up == dir {
			return "", err
		}
		dir = up
	}
}

// Put makes empty objects behind the server's back, which is much faster.
func (s *Server) Put(t testing.TB, bucket string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(s.folder, bucket, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// Uploads returns how many unfinished uploads in parts the server keeps.
func (s *Server) Uploads(t testing.TB) int {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.folder, "*", ".sgwtmp", "multipart", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(left)
}
