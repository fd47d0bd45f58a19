//go:build linux

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/shard/rpc/identity"
)

// network is a coordinator and workers that are machines of their own: network
// namespaces, each worker's joined to the coordinator's by a line.
//
//	worker i (10.77.i.2) eth0 ---- line-i (10.77.i.1) coordinator
type network struct {
	prefix  string // of the names of the namespaces
	workers int
	delay   []string // tc's words for a slow line
}

// port of the coordinator; the namespace is its own.
const port = 7070

// host is the coordinator's address as a worker sees it.
func host(worker int) string { return fmt.Sprintf("10.77.%d.1", worker) }

// ip runs ip or tc, and returns what it said if it failed.
func ip(words ...string) error {
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, out)
	}
	return nil
}

// newNetwork makes a network, or skips the test where that is not possible.
func newNetwork(t *testing.T, number, workers int) *network {
	t.Helper()
	n := &network{prefix: fmt.Sprintf("qc%d-%d-", os.Getpid(), number), workers: workers}
	t.Cleanup(func() {
		for i := range workers + 1 {
			exec.Command("ip", "netns", "del", n.space(i-1)).Run()
		}
	})
	if err := n.build(); err != nil {
		t.Skipf("no network namespaces here (they need root, ip and tc): %v", err)
	}
	n.delay = []string{"netem", "delay", "100ms"} // in each direction
	if err := n.shape(0, true, n.delay...); err != nil {
		n.delay = []string{"tbf", "rate", "256kbit", "burst", "2kb", "latency", "5s"}
		if err := n.shape(0, true, n.delay...); err != nil {
			t.Skipf("no shaping of traffic here: %v", err)
		}
	}
	n.heal(0)
	return n
}

// space is the namespace of a worker; -1: of the coordinator.
func (n *network) space(worker int) string { return n.prefix + fmt.Sprint(worker+1) }

// in is what runs a command in a namespace.
func (n *network) in(worker int) []string { return []string{"ip", "netns", "exec", n.space(worker)} }

func (n *network) build() error {
	steps := [][]string{{"ip", "netns", "add", n.space(-1)}, {"ip", "-n", n.space(-1), "link", "set", "lo", "up"}}
	for i := range n.workers {
		w, line := n.space(i), fmt.Sprint("line-", i)
		steps = append(steps, []string{"ip", "netns", "add", w}, []string{"ip", "-n", w, "link", "set", "lo", "up"},
			[]string{"ip", "-n", n.space(-1), "link", "add", line, "type", "veth", "peer", "name", "eth0", "netns", w},
			[]string{"ip", "-n", n.space(-1), "addr", "add", host(i) + "/30", "dev", line}, []string{"ip", "-n", n.space(-1), "link", "set", line, "up"},
			[]string{"ip", "-n", w, "addr", "add", fmt.Sprintf("10.77.%d.2/30", i), "dev", "eth0"}, []string{"ip", "-n", w, "link", "set", "eth0", "up"})
	}
	for _, s := range steps {
		if err := ip(s...); err != nil {
			return err
		}
	}
	return nil
}

// shape makes a line treat packets in some way, in one direction.
func (n *network) shape(worker int, up bool, how ...string) error {
	at := []string{"tc", "-n", n.space(-1), "qdisc", "replace", "dev", fmt.Sprint("line-", worker), "root"}
	if up {
		at = []string{"tc", "-n", n.space(worker), "qdisc", "replace", "dev", "eth0", "root"}
	}
	return ip(append(at, how...)...)
}

// drop is a filter that no packet fits through: nobody is told.
func drop() []string { return []string{"tbf", "rate", "8bit", "burst", "1", "limit", "1"} }

// faults are what may happen to a line.
func (n *network) faults() map[string]func(worker int) error {
	return map[string]func(int) error{
		"cut":      func(w int) error { return join(n.shape(w, true, drop()...), n.shape(w, false, drop()...)) },
		"cut up":   func(w int) error { return n.shape(w, true, drop()...) },
		"cut down": func(w int) error { return n.shape(w, false, drop()...) },
		"slow":     func(w int) error { return join(n.shape(w, true, n.delay...), n.shape(w, false, n.delay...)) },
		"unplug":   func(w int) error { return ip("ip", "-n", n.space(-1), "link", "set", fmt.Sprint("line-", w), "down") },
	}
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// heal makes a line good again.
func (n *network) heal(worker int) {
	exec.Command("ip", "-n", n.space(-1), "link", "set", fmt.Sprint("line-", worker), "up").Run()
	exec.Command("tc", "-n", n.space(-1), "qdisc", "del", "dev", fmt.Sprint("line-", worker), "root").Run()
	exec.Command("tc", "-n", n.space(worker), "qdisc", "del", "dev", "eth0", "root").Run()
}

// live makes a cluster live in the network, with certificates: no coordinator serves
// other machines without them.
func (c *cluster) live(t *testing.T, n *network) {
	t.Helper()
	ca, err := identity.NewAuthority(identity.For(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	save := func(name string, p identity.Pair, err error) []string {
		at := filepath.Join(folder, name)
		if err == nil {
			err = p.Save(at)
		}
		if err != nil {
			t.Fatal(err)
		}
		f := identity.In(at)
		return []string{"--tls-cert", f.Cert, "--tls-key", f.Key, "--tls-ca", f.CA}
	}
	var hosts []string
	for i, w := range c.workers {
		pair, err := ca.Client(identity.Principal{Role: identity.Worker, AnyJob: true, Shards: identity.AllShards()}, identity.For(time.Hour))
		w.flags, w.around, w.address = save(fmt.Sprint("worker-", i), pair, err), n.in(i), fmt.Sprintf("%s:%d", host(i), port)
		hosts = append(hosts, host(i))
	}
	pair, err := ca.Server(hosts, identity.For(time.Hour))
	c.credentials, c.around, c.address = save("coordinator", pair, err), n.in(-1), fmt.Sprintf("0.0.0.0:%d", port)
}

// patient is how long a job may take after all lines were healed: the longest wait for
// an answer (30 s), with something for a machine that is busy.
const patient = time.Minute

// TestPartitions cuts, slows and heals lines between a coordinator and its workers, by
// schedules drawn from seeds. The store stays within reach of all.
func TestPartitions(t *testing.T) {
	b := begin(t)
	t.Parallel()
	r := random(t)
	var mu sync.Mutex
	var healed []time.Duration
	hurt := 0
	want := times(t, 20)
	t.Run("schedules", func(t *testing.T) {
		for i := range want {
			seed := r.Uint64()
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				took, during := partition(t, b, i, rand.New(rand.NewPCG(seed, 2)))
				mu.Lock()
				defer mu.Unlock()
				healed = append(healed, took)
				if during {
					hurt++
				}
			})
		}
	})
	t.Logf("%d schedules, %d of them while the job was running; from the last healing to the end: %s", len(healed), hurt, spread(healed))
	if len(healed) == want && hurt < want/2 {
		t.Errorf("only %d of %d schedules met a running job", hurt, want)
	}
}

// partition runs a job in a network that fails, and returns how long it took after that,
// and whether the job was not done before.
func partition(t *testing.T, b *bench, number int, r *rand.Rand) (took time.Duration, during bool) {
	const workers = 3
	n := newNetwork(t, number, workers)
	s := newScene(t, b)
	c := newCluster(t, s, workers)
	c.live(t, n)
	c.plan(t)
	done, healed := make(chan struct{}), make(chan time.Time, 1)
	go func() { healed <- s.storm(t, n, r, done) }()
	c.run(t)
	end := time.Now()
	close(done)
	last := <-healed
	s.whole(t, "at the end")
	s.repeats(t, 0)
	took = max(0, end.Sub(last))
	if took > patient {
		t.Errorf("the job took %v after the network was whole", took)
	}
	return took, end.After(last)
}

// storm has some faults happen, each at some progress of the job, and heals them after a
// while. It returns when the last one was healed.
func (s *scene) storm(t *testing.T, n *network, r *rand.Rand, done <-chan struct{}) time.Time {
	kinds := []string{"cut", "cut up", "cut down", "slow", "unplug"}
	goal := r.IntN(shards)
	for range 1 + r.IntN(3) {
		for s.claims() < goal {
			select {
			case <-done:
				return time.Now()
			case <-time.After(2 * time.Millisecond):
			}
		}
		kind, all, one := kinds[r.IntN(len(kinds))], r.IntN(3) == 0, r.IntN(n.workers)
		last := time.Duration(200+r.IntN(2800)) * time.Millisecond
		if long() && r.IntN(20) == 0 {
			last = 45 * time.Second // longer than any wait for an answer
		}
		t.Logf("after %d claims: %s of line %d (all: %v) for %v", s.claims(), kind, one, all, last)
		for w := range n.workers {
			if all || w == one {
				if err := n.faults()[kind](w); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(last)
		s.visible(t, "during "+kind)
		for w := range n.workers {
			n.heal(w)
		}
		goal = s.claims() + r.IntN(shards)
	}
	return time.Now()
}
