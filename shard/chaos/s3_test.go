//go:build linux

package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// bucket is a scene whose outputs are in a bucket, behind a proxy that fails.
type bucket struct {
	*scene
	server *s3test.Server
	proxy  *s3test.Proxy
	name   string
}

func newBucket(t *testing.T, b *bench) *bucket {
	t.Helper()
	k := &bucket{scene: newScene(t, b), server: s3test.Start(t)}
	k.proxy, k.name = s3test.NewProxy(t, k.server), k.server.Bucket(t)
	text := strings.NewReplacer("path: out/features", "path: s3://"+k.name+"/out/features", "path: out/tensors", "path: s3://"+k.name+"/out/tensors").Replace(b.recipe + outputs)
	k.write(t, "recipe.yaml", text)
	return k
}

// run is the run of the recipe.
func (k *bucket) run(environment ...string) run {
	return runIt(append(k.server.Environment(k.proxy.Endpoint), environment...)...)
}

// outputs returns the parts in the bucket, by name.
func (k *bucket) outputs(t *testing.T) (map[string][]byte, store.Store) {
	t.Helper()
	st := k.store(t)
	names, err := st.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, name := range names {
		if strings.HasPrefix(name, "_quern/") || strings.Contains(name, "/_quern/") && !strings.HasSuffix(name, "/manifest.json") {
			continue
		}
		r, err := st.Open(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
		if err != nil {
			t.Fatal(err)
		}
		parts["out/"+name] = data
	}
	return parts, st
}

// check checks what readers see in the bucket, and if the job is done that all is there.
func (k *bucket) check(t *testing.T, when string, done bool) {
	t.Helper()
	parts, st := k.outputs(t)
	for name, data := range parts {
		if !bytes.Equal(data, k.want[name]) {
			t.Errorf("%s: %s is there and is not what one process writes", when, name)
		}
	}
	if !done {
		return
	}
	for name := range k.want {
		if strings.HasPrefix(name, "out/") && parts[name] == nil {
			t.Errorf("%s: %s is missing", when, name)
		}
	}
	k.settled(t, when, st)
}

// mischief has a share of the requests fail, each in some way that is possible for its
// kind.
func mischief(r *rand.Rand, share float64) func(string, *http.Request) s3test.Fault {
	any := []s3test.Fault{s3test.CutBefore, s3test.CutAfter, s3test.CutHalf, 500, 503, 429, s3test.DoneBut + 500}
	write := append(any[:len(any):len(any)], 409, s3test.DoneBut+409, s3test.DoneBut+412)
	return func(kind string, _ *http.Request) s3test.Fault {
		if r.Float64() >= share {
			return s3test.Pass
		}
		if kind == "put" || kind == "complete" {
			return write[r.IntN(len(write))]
		}
		return any[r.IntN(len(any))]
	}
}

// TestStoreFaults runs jobs over a store that fails, and kills some: the bytes are right.
func TestStoreFaults(t *testing.T) {
	b := begin(t)
	t.Parallel()
	r := random(t)
	for i := range times(t, 6) {
		seed := r.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			k := newBucket(t, b)
			k.proxy.Fail(mischief(r, []float64{0.02, 0.05, 0.1}[i%3]))
			k.stubborn(t, i%2 == 1, rand.New(rand.NewPCG(seed, 4)))
		})
	}
}

// stubborn runs until the job is done: a run may give up, and says why.
func (k *bucket) stubborn(t *testing.T, kill bool, r *rand.Rand) {
	for round := range 10 {
		when := fmt.Sprintf("round %d", round)
		p := k.start(t, k.run())
		if kill && round < 2 {
			select {
			case <-time.After(time.Duration(r.Int64N(int64(1500 * time.Millisecond)))):
				p.kill()
				k.alone(t, when)
			case <-p.ended:
			}
		}
		code := p.wait(t, 3*time.Minute)
		switch {
		case code == 0, code == 2 && p.said("Q430"):
			faults := slices.DeleteFunc(k.proxy.Seen(), func(s s3test.Request) bool { return s.Fault == s3test.Pass })
			k.proxy.Fail(nil)
			k.check(t, when, true)
			t.Logf("done in round %d after %d faults", round, len(faults))
			return
		case p.killed(), code == 4:
		default:
			t.Fatalf("%s: the run ends with %d: %s", when, code, p.talk)
		}
		k.check(t, when, false)
		if code == 4 {
			t.Logf("%s: it gives up: %.300s", when, p.talk)
		}
	}
	t.Error("the job was not done")
}

// TestStoreHangs has the store do what it was told and not answer, once for a claim; with
// time, once for every kind of object. Each takes as long as the store's client waits.
func TestStoreHangs(t *testing.T) {
	b := begin(t)
	t.Parallel()
	k := newBucket(t, b)
	slots := []string{"/claim/"}
	if long() {
		slots = append(slots, "/fitted", "/manifest", "/plan", "/epoch/", "/part-")
	}
	var mu sync.Mutex
	hung := map[string]bool{}
	k.proxy.Fail(func(_ string, r *http.Request) s3test.Fault {
		mu.Lock()
		defer mu.Unlock()
		for _, slot := range slots {
			if r.Method == http.MethodPut && strings.Contains(r.URL.Path, slot) && !hung[slot] {
				hung[slot] = true
				return s3test.HangAfter
			}
		}
		return s3test.Pass
	})
	began := time.Now()
	p := k.start(t, k.run())
	if code := p.wait(t, 5*time.Minute); code != 0 {
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
	mu.Lock()
	defer mu.Unlock()
	t.Logf("%v hung; the run took %v", hung, time.Since(began).Round(time.Millisecond))
	k.proxy.Fail(nil)
	k.check(t, "at the end", true)
}

// store returns the bucket, past the proxy.
func (k *bucket) store(t *testing.T) store.Store {
	t.Helper()
	for _, v := range k.server.Environment("") { // the same for all servers, but for the endpoint
		if name, value, _ := strings.Cut(v, "="); name != "AWS_ENDPOINT_URL" {
			os.Setenv(name, value)
		}
	}
	st, err := s3.NewClient(s3.Options{Endpoint: k.server.Endpoint, Region: "us-east-1", PathStyle: true}).Open(t.Context(), "s3://"+k.name+"/out")
	if err != nil {
		t.Fatal(err)
	}
	return st
}
