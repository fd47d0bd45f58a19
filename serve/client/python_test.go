package client_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quern/serve/lookup"
)

// TestPython runs the tests of quern.py with the system's Python, and with the one of the
// oracles, which has numpy.
func TestPython(t *testing.T) {
	ran := 0
	for _, python := range []string{"python3", "../../build/oracle/bin/python"} {
		path, err := exec.LookPath(python)
		if err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			t.Fatal(err)
		}
		ran++
		t.Run(filepath.Base(python), func(t *testing.T) { runPython(t, path) })
	}
	if ran == 0 {
		t.Skip("there is no python3")
	}
}

func runPython(t *testing.T, python string) {
	address, stop := serving(t.TempDir(), &taken{look: func(pushed *lookup.Rows) {
		f := pushed.Fields
		if pushed.Rows != 2 || pushed.Keys[0].Int64s[1] != 2 || f[0].Float32s[0] != 0.1 || f[0].Float32s[1] == f[0].Float32s[1] || f[1].Int32s[0] != 7 ||
			!f[1].Null(1) || string(f[2].Text.At(0)) != "ü" || !f[2].Null(1) || f[6].Offsets[1] != 3 || f[7].Offsets[2] != 4 {
			t.Errorf("the server got %+v", pushed)
		}
	}})
	defer stop()
	done := make(chan struct{})
	stub := httptest.NewServer(stubHandler(done))
	defer stub.Close()
	defer close(done)
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"rows": 1}`)) }))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it
	secure.StartTLS()
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o644))
	c := exec.Command(python, "-W", "error", "-m", "unittest", "-q", "test_quern")
	c.Dir = "python"
	c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "QUERN_TEST_URL="+address, "QUERN_TEST_STUB="+stub.URL,
		"QUERN_TEST_TLS="+secure.URL, "QUERN_TEST_CA="+ca)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// stubHandler does what a path says, until done.
func stubHandler(done chan struct{}) http.Handler {
	var busy, cut atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		switch what {
		case "busy-twice":
			if busy.Add(1) < 3 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			w.Write([]byte(`{"rows": 1}`))
		case "cut-twice":
			if cut.Add(1) < 3 {
				panic(http.ErrAbortHandler)
			}
			w.Write([]byte(`{"rows": 1}`))
		case "busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "wrong":
			w.WriteHeader(http.StatusInternalServerError)
		case "cut":
			panic(http.ErrAbortHandler)
		case "later":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case "silent":
			select {
			case <-done:
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
		case "half":
			w.Write([]byte("QTENSOR\x01" + strings.Repeat("\x00", 40)))
		case "text":
			w.Write([]byte(strings.Repeat("text", 40)))
		}
	})
}
