package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quern/features/diag"
	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// attempts is how often quick options make a request.
const attempts = 4

// planted are faults after which the same request can be made again.
func planted() map[string]s3test.Fault {
	return map[string]s3test.Fault{
		"409": 409, "429": 429, "500": 500, "503": 503,
		"cut before": s3test.CutBefore, "cut after": s3test.CutAfter, "cut half": s3test.CutHalf,
		"hang": s3test.Hang, "hang after success": s3test.HangAfter,
		"500 after success": s3test.DoneBut + 500, "503 after success": s3test.DoneBut + 503, "409 after success": s3test.DoneBut + 409,
	}
}

// scene is a server with a proxy before it, and stores through and past the proxy.
type scene struct {
	server   *s3test.Server
	uri      string
	proxy    *s3test.Proxy
	through  store.Store
	straight store.Store
	names    int
}

func newScene(t *testing.T) *scene {
	server := s3test.Start(t)
	s := &scene{server: server, proxy: s3test.NewProxy(t, server)}
	uri := "s3://" + server.Bucket(t) + "/x"
	s.uri = uri
	o := quick(server, s.proxy.Endpoint)
	o.Timeout = 250 * time.Millisecond
	s.through, s.straight = open(t, o, uri), open(t, quick(server, server.Endpoint), uri)
	return s
}

// fresh returns a name that nobody has.
func (s *scene) fresh() string {
	s.names++
	return fmt.Sprint("object-", s.names)
}

// times makes a fault happen to the first n requests of a kind.
func times(n int, kind string, fault s3test.Fault) func(string, *http.Request) s3test.Fault {
	return func(k string, _ *http.Request) s3test.Fault {
		if k != kind || n == 0 {
			return s3test.Pass
		}
		n--
		return fault
	}
}

// ways are the ways to write, each with the request that decides.
func (s *scene) ways() map[string]func(context.Context, string) (store.Writer, error) {
	return map[string]func(context.Context, string) (store.Writer, error){
		"put": s.through.Create, "complete": s.through.(store.LargeCreator).CreateLarge,
	}
}

// write writes an object by one of the ways.
func write(how func(context.Context, string) (store.Writer, error), name, text string) error {
	w, err := how(context.Background(), name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write([]byte(text)); err != nil {
		return err
	}
	return w.Commit()
}

// checkNothingRemoved checks that no object was removed, and that the request that
// decides was made a bounded number of times.
func (s *scene) checkNothingRemoved(t *testing.T, deciding string) {
	t.Helper()
	if s.proxy.Count("remove")+s.proxy.Count("abort") > 0 || s.proxy.Count(deciding) > attempts || s.proxy.Count("head") > attempts {
		t.Errorf("requests: %v", s.proxy.Seen())
	}
}

// TestOutcomesAreFoundOut plants each fault in the request that decides, once and twice,
// and as long as it is also not possible to look.
func TestOutcomesAreFoundOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		for title, fault := range planted() {
			for n := range 3 {
				name := s.fresh()
				fail := times(max(n, 1), deciding, fault)
				look := times(2*(n/2), "head", 503)
				s.proxy.Fail(func(kind string, r *http.Request) s3test.Fault {
					return max(fail(kind, r), look(kind, r))
				})
				if err := write(how, name, "mine"); err != nil {
					t.Errorf("%s, %s: %v", deciding, title, err)
				} else if got := get(t, s.straight, name); string(got) != "mine" {
					t.Errorf("%s, %s: %q is there", deciding, title, got)
				}
				s.checkNothingRemoved(t, deciding)
			}
		}
	}
}

// TestRefusedAfterItWasDone: what refuses the second request, whose first was done and not
// answered, is not the end of it: the object may be there, and is.
func TestRefusedAfterItWasDone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		for _, refusal := range []s3test.Fault{403, 404, 412, 501} {
			name, asked := s.fresh(), 0
			s.proxy.Fail(func(kind string, _ *http.Request) s3test.Fault {
				if kind == deciding {
					if asked++; asked > 1 {
						return refusal
					}
					return s3test.CutAfter
				}
				if kind == "head" && asked == 1 {
					return 503 // nor can it be seen now
				}
				return s3test.Pass
			})
			if err := write(how, name, "mine"); err != nil || asked != 2 {
				t.Errorf("%s, then %d: %v, asked %d times", deciding, refusal, err, asked)
			}
			s.checkNothingRemoved(t, deciding)
		}
	}
}

// TestLosersAreTold plants each fault where another one has won, before or meanwhile.
func TestLosersAreTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		for title, fault := range planted() {
			name := s.fresh()
			if err := put(s.straight, name, []byte("theirs")); err != nil {
				t.Fatal(err)
			}
			s.proxy.Fail(times(1, deciding, fault))
			if err := write(how, name, "mine"); !errors.Is(err, store.ErrExists) {
				t.Errorf("%s, %s, late: %v", deciding, title, err)
			}
			if got := get(t, s.straight, name); string(got) != "theirs" || s.proxy.Count("remove") > 0 {
				t.Errorf("%s, %s, late: %q is there", deciding, title, got)
			}
		}
		name := s.fresh()
		fail := times(1, deciding, s3test.CutBefore)
		s.proxy.Fail(func(kind string, r *http.Request) s3test.Fault {
			f := fail(kind, r)
			if f != s3test.Pass {
				if err := put(s.straight, name, []byte("theirs")); err != nil {
					t.Error(err)
				}
			}
			return f
		})
		if err := write(how, name, "mine"); !errors.Is(err, store.ErrExists) || string(get(t, s.straight, name)) != "theirs" {
			t.Errorf("%s, meanwhile: %v", deciding, err)
		}
	}
}

// TestUnknownOutcomesAreLeftAlone never lets the client see what happened.
func TestUnknownOutcomesAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		for title, fault := range map[string]s3test.Fault{"not done": 503, "done": s3test.DoneBut + 503, "cut": s3test.CutAfter} {
			name := s.fresh()
			s.proxy.Fail(func(kind string, _ *http.Request) s3test.Fault {
				switch kind {
				case deciding:
					return fault
				case "head":
					return 503
				}
				return s3test.Pass
			})
			err := write(how, name, "mine")
			if code(err) != "Q446" {
				t.Errorf("%s, %s: %v", deciding, title, err)
			}
			s.checkNothingRemoved(t, deciding)
			s.proxy.Fail(nil)
			err = write(how, name, "second")
			if title == "not done" && err != nil || title != "not done" && !errors.Is(err, store.ErrExists) {
				t.Errorf("%s, %s: the next writer: %v", deciding, title, err)
			}
		}
	}
}

// code returns the code of an error.
func code(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestPassingFaultsPass plants each fault once in every other kind of request.
func TestPassingFaultsPass(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx := context.Background()
	data := noise(300_000)
	if err := put(s.straight, "there", data); err != nil {
		t.Fatal(err)
	}
	work := map[string]func() error{
		"begin": func() error { return write(s.through.(store.LargeCreator).CreateLarge, s.fresh(), "text") },
		"part":  func() error { return write(s.through.(store.LargeCreator).CreateLarge, s.fresh(), "text") },
		"head": func() error {
			is, err := store.Exists(ctx, s.through, "there")
			isNot, err2 := store.Exists(ctx, s.through, "not-there")
			if err = errors.Join(err, err2); err == nil && (!is || isNot) {
				t.Error("what is there is not, or the reverse")
			}
			return err
		},
		"get": func() error {
			r, err := s.through.Open(ctx, "there")
			if err != nil {
				return err
			}
			got := make([]byte, len(data))
			if _, err = r.ReadAt(got, 0); err == nil && !bytes.Equal(got, data) {
				t.Error("other bytes")
			}
			return err
		},
		"list": func() error {
			names, err := s.through.List(ctx, "")
			if err == nil && !slices.Contains(names, "there") {
				t.Errorf("listed %q", names)
			}
			return err
		},
		"remove": func() error { return s.through.Remove(ctx, "never") },
	}
	for kind, do := range work {
		for title, fault := range planted() {
			for skip := range 2 { // the first and the second request
				fail := times(1, kind, fault)
				s.proxy.Fail(func(k string, r *http.Request) s3test.Fault {
					if skip--; k == kind && skip < 0 {
						return fail(k, r)
					}
					return s3test.Pass
				})
				if err := do(); err != nil {
					t.Errorf("%s, %s: %v", kind, title, err)
				}
			}
		}
		s.proxy.Fail(times(1000, kind, 503))
		once := 1
		if kind == "head" {
			once = 2 // looks for two objects
		}
		if err := do(); code(err) != "Q445" || s.proxy.Count(kind) != attempts*once {
			t.Errorf("%s, always 503: %v after %d requests", kind, err, s.proxy.Count(kind))
		}
		s.proxy.Fail(times(1000, kind, 403))
		if err := do(); code(err) != "Q442" || s.proxy.Count(kind) != once {
			t.Errorf("%s, denied: %v after %d requests", kind, err, s.proxy.Count(kind))
		}
	}
}

// TestRefusalsAreFinal checks that what will not pass is said at once.
func TestRefusalsAreFinal(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		for status, want := range map[int]diag.Code{403: "Q442", 501: "Q444"} {
			s.proxy.Fail(times(1000, deciding, s3test.Fault(status)))
			name := s.fresh()
			if err := write(how, name, "mine"); code(err) != want || s.proxy.Count(deciding) != 1 {
				t.Errorf("%s, %d: %v after %d requests", deciding, status, err, s.proxy.Count(deciding))
			}
			if _, err := s.straight.Open(context.Background(), name); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s, %d: %v", deciding, status, err)
			}
		}
	}
}

// TestCancelEndsWaiting cancels while the server says nothing.
func TestCancelEndsWaiting(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for deciding, how := range s.ways() {
		ctx, cancel := context.WithCancel(context.Background())
		s.proxy.Fail(func(kind string, _ *http.Request) s3test.Fault {
			if kind != deciding {
				return s3test.Pass
			}
			time.AfterFunc(20*time.Millisecond, cancel)
			return s3test.Hang
		})
		w, err := how(ctx, s.fresh())
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte("text"))
		started := time.Now()
		if err := w.Commit(); !errors.Is(err, context.Canceled) || time.Since(started) > 200*time.Millisecond {
			t.Errorf("%s: %v after %v", deciding, err, time.Since(started))
		}
		if err := w.Abort(); err != nil || s.proxy.Count("abort") > 0 {
			t.Errorf("%s: %v, %v", deciding, err, s.proxy.Seen())
		}
		cancel()
	}
}

// TestMistakesAreExplained makes the mistakes that users make.
func TestMistakesAreExplained(t *testing.T) {
	server := s3test.Start(t)
	good := quick(server, server.Endpoint)
	good.Attempts, good.Timeout = 2, time.Second
	bucket := server.Bucket(t)
	ctx := context.Background()
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	unknown, wrong, nobody, nowhere, plain := good, good, good, good, good
	unknown.Key, wrong.Secret, nobody.Key = "somebody", "else", ""
	nowhere.Endpoint = "http://127.0.0.1:1"
	plain.Endpoint = strings.Replace(server.Endpoint, "http:", "https:", 1)
	for title, c := range map[string]struct {
		s    store.Store
		want diag.Code
	}{
		"no bucket":    {open(t, good, "s3://no-such-bucket/x"), "Q441"},
		"unknown key":  {open(t, unknown, "s3://"+bucket), "Q442"},
		"wrong secret": {open(t, wrong, "s3://"+bucket), "Q442"},
		"no key":       {open(t, nobody, "s3://"+bucket), "Q442"},
		"no server":    {open(t, nowhere, "s3://"+bucket), "Q445"},
		"no TLS":       {open(t, plain, "s3://"+bucket), "Q445"},
	} {
		_, listing := c.s.List(ctx, "")
		for what, err := range map[string]error{"list": listing, "write": put(c.s, "x", nil), "probe": c.s.(store.Prober).Probe(ctx)} {
			if code(err) != c.want {
				t.Errorf("%s: %s: %v, want %s", title, what, err, c.want)
			}
		}
	}
}

// TestTLS trusts a server whose authority is named, and no other.
func TestTLS(t *testing.T) {
	server := s3test.Start(t)
	proxy, certificate := s3test.NewTLSProxy(t, server)
	uri := "s3://" + server.Bucket(t)
	o := quick(server, proxy.Endpoint)
	started := time.Now()
	if err := put(open(t, o, uri), "x", nil); code(err) != "Q445" || time.Since(started) > 5*time.Second {
		t.Errorf("a server that nobody vouches for: %v", err)
	}
	o.Authorities = filepath.Join(t.TempDir(), "ca.pem")
	if _, err := s3.NewClient(o).Open(context.Background(), uri); code(err) != "Q440" {
		t.Errorf("no file of authorities: %v", err)
	}
	if err := os.WriteFile(o.Authorities, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, o, uri)
	if err := put(s, "x", []byte("text")); err != nil || string(get(t, s, "x")) != "text" {
		t.Error(err)
	}
}
