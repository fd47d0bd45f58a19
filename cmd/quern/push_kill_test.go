package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/serve/overlay"
)

// childArguments is the environment's name of what a child is to run.
const childArguments = "QUERN_SERVE_CHILD"

// TestServeChild is the server that is killed.
func TestServeChild(t *testing.T) {
	args := os.Getenv(childArguments)
	if args == "" {
		t.Skip("only for TestServeKilled")
	}
	os.Exit(newApp(os.Stdout, os.Stderr).run(context.Background(), strings.Fields(args)))
}

// kills is how often the server is killed.
func kills() int {
	switch {
	case os.Getenv("QUERN_LONG") != "":
		return 300
	case testing.Short():
		return 5
	}
	return 60
}

// TestServePushRefuses to own what another process has, or what is damaged.
func TestServePushRefuses(t *testing.T) {
	k := &killed{t: t, store: t.TempDir(), overlay: t.TempDir()}
	if _, talk, code := runQuern(t, "publish", k.fit(), "--store", k.store, "--quiet"); code != 0 {
		t.Fatal(talk)
	}
	held, err := overlay.Lock(k.overlay)
	if err != nil {
		t.Fatal(err)
	}
	line := []string{"serve", "--store", k.store, "--overlay", k.overlay, "--listen", "127.0.0.1:0"}
	if _, talk, code := runQuern(t, append(line, "--overlay-wait", "100ms")...); code == 0 || !strings.Contains(talk, "Q675") {
		t.Errorf("a folder that another process has: exit code %d, %s", code, talk)
	}
	held.Close()
	k.life(100*time.Millisecond, 1)
	logs, _ := filepath.Glob(filepath.Join(k.overlay, "p", "*", "wal-*"))
	for _, path := range logs {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[80] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, talk, code := runQuern(t, line...); code == 0 || !strings.Contains(talk, "Q671") {
		t.Errorf("%d damaged logs: exit code %d, %s", len(logs), code, talk)
	}
	if _, talk, code := runQuern(t, "serve", "--store", k.store, "--overlay", k.overlay, "--overlay-memory", "0"); code != 2 || !strings.Contains(talk, "--overlay-memory") {
		t.Errorf("no memory: exit code %d, %s", code, talk)
	}
}

// killedKeys is how many pairs of keys a test pushes; each has one writer.
const killedKeys = 4

// killed is a server that is killed again and again, and what it acknowledged and showed.
type killed struct {
	t              *testing.T
	store, overlay string
	url            string
	stderr         bytes.Buffer
	mu             sync.Mutex
	least, most    [killedKeys]int64 // the last event that was acknowledged or seen, and that was tried
	acknowledged   int
}

// TestServeKilled kills a server under pushes, look-ups, publishes and compactions, and
// starts it again: what it acknowledged is there, and every reply is of one version.
func TestServeKilled(t *testing.T) {
	k := &killed{t: t, store: t.TempDir(), overlay: t.TempDir()}
	recipe := k.fit()
	rnd := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for kill := range kills() {
		if kill%5 == 0 {
			if _, talk, code := runQuern(t, "publish", recipe, "--store", k.store, "--force", "--quiet"); code != 0 {
				t.Fatal(talk)
			}
		}
		k.life(time.Duration(20+rnd.IntN(200))*time.Millisecond, kill)
		if t.Failed() {
			t.Fatalf("kill %d: %s", kill, k.stderr.String())
		}
	}
	t.Logf("%d pushes were acknowledged", k.acknowledged)
	if k.acknowledged < 5*kills() {
		t.Error("hardly anything was pushed")
	}
	versions, _ := filepath.Glob(filepath.Join(k.store, "views/p/versions/*/manifest.json"))
	if len(versions) < kills()/5+2 {
		t.Errorf("only %d versions were made: nothing was compacted", len(versions))
	}
}

// fit makes a model and returns the path of it.
func (k *killed) fit() string {
	dir := k.t.TempDir()
	rows := ""
	for id := range killedKeys {
		rows += fmt.Sprintf(`{"id": "a%d", "at": "2001-01-01T00:00:00Z", "n": 0}`+"\n"+`{"id": "b%d", "at": "2001-01-01T00:00:00Z", "n": 0}`+"\n", id, id)
	}
	text := "quern: 1\nname: p\nsource: {jsonl: rows.jsonl, schema: {at: timestamp, n: int64}}\nkey: [id]\ntime: at\nfeatures:\n" +
		"  - columns: [n]\n  - {name: half, expr: \"float(n) / 2.0\"}\n"
	for name, text := range map[string]string{"recipe.yaml": text, "rows.jsonl": rows} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			k.t.Fatal(err)
		}
	}
	if _, talk, code := runQuern(k.t, "fit", filepath.Join(dir, "recipe.yaml"), "--quiet"); code != 0 {
		k.t.Fatal(talk)
	}
	return filepath.Join(dir, "p.quern")
}

// life runs a server, checks what it has, loads it, and kills it after a while.
func (k *killed) life(after time.Duration, number int) {
	c := exec.Command(os.Args[0], "-test.run", "^TestServeChild$")
	c.Env = append(os.Environ(), childArguments+"=serve --store "+k.store+" --overlay "+k.overlay+
		" --listen 127.0.0.1:0 --poll 20ms --compact-every 40ms")
	talk, err := c.StderrPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		k.t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	k.stderr.Reset()
	lines := bufio.NewReader(io.TeeReader(talk, &k.stderr))
	listens := regexp.MustCompile(`listening on (http://[0-9.:]+)`)
	for {
		line, err := lines.ReadString('\n')
		if found := listens.FindStringSubmatch(line); found != nil {
			k.url = found[1]
			break
		}
		if err != nil {
			k.t.Errorf("the server did not start: %v", err)
			return
		}
	}
	drained := make(chan struct{})
	go func() { io.Copy(io.Discard, lines); close(drained) }()
	for id := range killedKeys {
		if !k.look(id) {
			k.t.Errorf("a server that was started does not answer")
		}
	}
	k.load(func() { time.Sleep(after); c.Process.Kill() }, number)
	<-drained
}

// load pushes and looks up until kill was called and nothing answers any longer.
func (k *killed) load(kill func(), number int) {
	var group sync.WaitGroup
	for id := range killedKeys {
		group.Go(func() {
			for event := int64(number+1) * 10_000; k.push(id, event); event++ { // halves are float32: below 2^24 all are exact
				if event%3 == 0 && !k.look(id) {
					return
				}
			}
		})
		group.Go(func() {
			for k.look(id) {
			}
		})
	}
	kill()
	group.Wait()
}

// post returns false if there is no whole answer: the server is dead.
func (k *killed) post(path, body string, into any) bool {
	reply, err := http.Post(k.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return false
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		return false
	}
	if reply.StatusCode == http.StatusTooManyRequests {
		time.Sleep(time.Millisecond)
		return true
	}
	if reply.StatusCode != http.StatusOK {
		k.t.Errorf("%s: %d %s", path, reply.StatusCode, text)
		return false
	}
	if err := json.Unmarshal(text, into); err != nil {
		k.t.Errorf("%s: %s: %v", path, text, err)
		return false
	}
	return true
}

// push pushes both keys of a pair in one call.
func (k *killed) push(id int, event int64) bool {
	k.mu.Lock()
	k.most[id] = event
	k.mu.Unlock()
	one := func(key string) string {
		return fmt.Sprintf(`{"id":"%s%d","n":%d,"half":%.1f,"at":%q}`, key, id, event, float64(event)/2,
			time.Unix(1e9+event/1000, event%1000*1e6).UTC().Format(time.RFC3339Nano))
	}
	var reply struct{ Rows int }
	if !k.post("/v1/push/p", `{"rows":[`+one("a")+`,`+one("b")+`]}`, &reply) {
		return false
	}
	if reply.Rows == 2 {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.least[id] = max(k.least[id], event)
		k.acknowledged++
	}
	return true
}

// look looks a pair up: it is whole, not older than what was acknowledged or seen before,
// and something that was pushed.
func (k *killed) look(id int) bool {
	k.mu.Lock()
	least := k.least[id]
	k.mu.Unlock()
	var reply struct {
		Versions map[string]string
		Rows     []struct {
			Features struct {
				N    int64
				Half float64
			}
		}
	}
	if !k.post("/v1/lookup", fmt.Sprintf(`{"features":["p:n","p:half"],"rows":[{"id":"a%d"},{"id":"b%d"}]}`, id, id), &reply) {
		return false
	}
	if reply.Rows == nil {
		return true // it was too busy
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	a, b := reply.Rows[0].Features, reply.Rows[1].Features
	switch {
	case len(reply.Versions) != 1 || a.Half != float64(a.N)/2 || b.Half != float64(b.N)/2:
		k.t.Errorf("a torn row: %+v", reply)
	case a.N < least || b.N < least:
		k.t.Errorf("pair %d: %d and %d, after %d", id, a.N, b.N, least)
	case a.N > k.most[id] || b.N > k.most[id]:
		k.t.Errorf("pair %d: %d and %d were not pushed yet, but %d", id, a.N, b.N, k.most[id])
	}
	k.least[id] = max(k.least[id], min(a.N, b.N))
	return !k.t.Failed()
}
