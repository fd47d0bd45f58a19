package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"quern/cmd/quern-k8s/controlplane"
	"quern/cmd/quern-k8s/kubelite"
)

// nobody is the user that pods run as, and everything else here if we may choose.
const nobody = 65532

// world is what all tests share: a control plane, a node and the programs.
type world struct {
	*controlplane.Plane
	node   *kubelite.Node
	client *kubernetes.Clientset
	folder string
}

var (
	shared = sync.OnceValues(newWorld)
	made   atomic.Pointer[world] // nil until a test needed it
)

func TestMain(m *testing.M) {
	code := m.Run()
	if w := made.Load(); w != nil {
		if path := os.Getenv("QUERN_K8S_RESULT"); path != "" && code == 0 {
			if err := w.writeResults(path); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
		w.node.Close()
		w.Stop()
		os.RemoveAll(w.folder)
	}
	os.Exit(code)
}

// harness is where scripts/k8s_harness.sh puts the control plane.
const harness = "../../build/k8s/harness"

func newWorld() (*world, error) {
	if _, err := os.Stat(harness); err != nil {
		return nil, nil
	}
	folder, err := os.MkdirTemp("", "quern-k8s")
	if err != nil {
		return nil, err
	}
	w := &world{folder: folder}
	if err := os.Chmod(folder, 0o755); err != nil {
		return nil, err
	}
	for program, at := range map[string]string{"quern": "../quern", "quern-k8s": "."} {
		build := exec.Command("go", "build", "-o", filepath.Join(folder, program), ".")
		build.Dir = at
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", program, err, out)
		}
	}
	wrapper := filepath.Join(folder, "faulty")
	if err := os.WriteFile(wrapper, fmt.Appendf(nil, faulty, filepath.Join(folder, "quern")), 0o755); err != nil {
		return nil, err
	}
	plane := filepath.Join(folder, "plane")
	if err := os.Mkdir(plane, 0o755); err != nil {
		return nil, err
	}
	if w.Plane, err = controlplane.Start(context.Background(), harness, plane); err != nil {
		return nil, err
	}
	if err := os.Chmod(w.Kubeconfig(), 0o644); err != nil {
		return nil, err
	}
	if w.client, err = w.Client(controlplane.Admin); err != nil {
		return nil, err
	}
	w.node, err = kubelite.Start(kubelite.Options{Client: w.client, Folder: filepath.Join(folder, "pods"), Slots: slots,
		Programs: map[string]string{"quern": wrapper}, Users: os.Geteuid() == 0})
	if err == nil {
		made.Store(w)
	}
	return w, err
}

// slots is how many pods the node runs at the same time.
const slots = 3

// faulty runs quern as pods do, unless a file named after the phase and the shard says how
// this try is to end: an exit code a line, or "kill" for SIGKILL. The first line is taken.
const faulty = `#!/bin/sh
f="$FAULTS/$(printf '%%s\n' "$@" | grep -A1 -x -e --phase | tail -n 1)-$JOB_COMPLETION_INDEX"
if [ -n "$FAULTS" ] && [ -s "$f" ]; then
	how=$(head -n 1 "$f")
	tail -n +2 "$f" > "$f.rest"; mv "$f.rest" "$f"
	echo "fault: $how"
	[ "$how" = kill ] && kill -9 $$
	exit "$how"
fi
exec %s "$@"
`

// scene is a namespace, and a folder with a recipe and its source.
type scene struct {
	*world
	t                 *testing.T
	namespace, folder string
}

// newScene makes a scene whose source has so many files. Shards are runs of 2^18
// rows, so there are a few less than files.
func newScene(t *testing.T, files int) *scene {
	if testing.Short() {
		t.Skip("short: without a control plane")
	}
	w, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	if w == nil {
		if os.Getenv("QUERN_REQUIRE_K8S") != "" {
			t.Fatal("no control plane: scripts/k8s_harness.sh builds it")
		}
		t.Skip("no control plane: make k8s-test builds it and runs this")
	}
	s := &scene{world: w, t: t, namespace: strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "Test"), "/", "-"))}
	s.makeNamespace()
	if s.folder, err = os.MkdirTemp(w.folder, s.namespace); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("../../examples/flights/flights-200k.parquet")
	if err != nil {
		t.Fatal(err)
	}
	recipe, err := os.ReadFile("../../examples/flights/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.write("recipe.yaml", recipe)
	for i := range files {
		s.write(fmt.Sprintf("flights-%d.parquet", i), data)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(s.folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *scene) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.folder, name), data, 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// copy brings a file of this machine into the scene, whatever its size.
func (s *scene) copy(name, from string) {
	s.t.Helper()
	in, err := os.Open(from)
	if err != nil {
		s.t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close(), os.Chmod(out.Name(), 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

// makeNamespace makes a namespace that takes no pods with rights beyond the least.
func (s *scene) makeNamespace() {
	ctx := s.t.Context()
	ns := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: s.namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"}}}
	if _, err := s.client.CoreV1().Namespaces().Create(ctx, ns, meta.CreateOptions{}); err != nil && !api.IsAlreadyExists(err) {
		s.t.Fatal(err)
	}
	s.until("the service account of the namespace", 30*time.Second, func() bool {
		_, err := s.client.CoreV1().ServiceAccounts(s.namespace).Get(ctx, "default", meta.GetOptions{})
		return err == nil
	})
}

// until waits for something.
func (s *scene) until(what string, limit time.Duration, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// quern prepares a call of the program, as a user in the scene's folder.
func (s *scene) quern(args ...string) *exec.Cmd {
	c := exec.CommandContext(s.t.Context(), filepath.Join(s.world.folder, "quern"), args...)
	c.Dir = s.folder
	c.Env = append(os.Environ(), "KUBECONFIG="+s.Kubeconfig(), "HOME="+s.folder)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return c
}

// submit prepares a submit with the flags that every one has here.
func (s *scene) submit(args ...string) *exec.Cmd {
	all := []string{"k8s", "submit", "recipe.yaml", "--image", "quern", "-n", s.namespace, "--shards", "64",
		"--env", "FAULTS=" + filepath.Join(s.folder, "faults"), "--workers", "1", "--memory", "256MiB"}
	return s.quern(append(all, args...)...)
}

// ends runs a command, which must end with an exit code, and returns what it said.
func (s *scene) ends(c *exec.Cmd, code int) string {
	s.t.Helper()
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	c.Run()
	if got := c.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("%s: exit code %d, not %d\n%s", strings.Join(c.Args[1:], " "), got, code, &said)
	}
	return said.String()
}

// fault has tries at a shard end otherwise: exit codes, or kill.
func (s *scene) fault(phase, shard int, hows ...string) {
	folder := filepath.Join(s.folder, "faults")
	if err := os.MkdirAll(folder, 0o777); err != nil {
		s.t.Fatal(err)
	}
	name := filepath.Join("faults", fmt.Sprintf("%d-%d", phase, shard))
	s.write(name, []byte(strings.Join(hows, "\n")+"\n"))
	for _, path := range []string{folder, filepath.Join(s.folder, name)} {
		if os.Geteuid() == 0 {
			if err := os.Chown(path, nobody, nobody); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// runs returns the processes of the scene's pods that have ended.
func (s *scene) runs() []kubelite.Run {
	var mine []kubelite.Run
	for _, r := range s.node.History() {
		if r.Namespace == s.namespace {
			mine = append(mine, r)
		}
	}
	return mine
}

// tries counts how often a shard of a phase was tried.
func (s *scene) tries(phase, shard int) (n int) {
	for _, r := range s.runs() {
		if strings.HasSuffix(r.Job, fmt.Sprintf("-p%d", phase)) && r.Index == fmt.Sprint(shard) {
			n++
		}
	}
	return n
}

// shards returns how many shards the scene's job has.
func (s *scene) shards() int {
	s.t.Helper()
	jobs, err := s.client.BatchV1().Jobs(s.namespace).List(s.t.Context(), meta.ListOptions{LabelSelector: "quern.dev/phase=0"})
	if err != nil || len(jobs.Items) == 0 {
		s.t.Fatalf("%d jobs of phase 0: %v", len(jobs.Items), err)
	}
	return int(*jobs.Items[0].Spec.Completions)
}

// alone is what the recipe comes to in one process, as files by name.
var alone sync.Map

// same checks that the outputs are what one process makes of the same files, byte by byte.
func (s *scene) same() {
	s.t.Helper()
	got := s.files("out")
	sources, err := filepath.Glob(filepath.Join(s.folder, "*.parquet"))
	if err != nil || len(sources) == 0 {
		s.t.Fatal("no sources", err)
	}
	key := fmt.Sprint(len(sources), " of ", filepath.Base(sources[0]))
	want, ok := alone.Load(key)
	if !ok {
		s.ends(s.quern("run", "recipe.yaml", "--quiet", "--overwrite", "--workers", "2"), 0)
		want, _ = alone.LoadOrStore(key, s.files("out"))
	}
	w := want.(map[string]string)
	for name := range w {
		if w[name] != got[name] {
			s.t.Errorf("%s: %.12s, in one process %.12s", name, got[name], w[name])
		}
	}
	for name := range got {
		if _, ok := w[name]; !ok {
			s.t.Errorf("%s: one process makes no such file", name)
		}
	}
	if len(w) < 4 {
		s.t.Errorf("only %d files: %v", len(w), w)
	}
}

// files returns the digests of all files below a folder that readers see, and the
// model's.
func (s *scene) files(folder string) map[string]string {
	found := map[string]string{}
	add := func(path string) {
		data, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		sum := sha256.Sum256(data)
		name, _ := filepath.Rel(s.folder, path)
		found[name] = hex.EncodeToString(sum[:])
	}
	err := filepath.WalkDir(filepath.Join(s.folder, folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "_quern" {
			return filepath.SkipDir
		}
		if err == nil && !d.IsDir() {
			add(path)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	models, err := filepath.Glob(filepath.Join(s.folder, "*.quern"))
	if err != nil || len(models) != 1 {
		s.t.Fatal(models, err)
	}
	add(models[0])
	return found
}

// codes returns how often processes ended with each exit code, as a text.
func codes(runs []kubelite.Run) string {
	count := map[int]int{}
	for _, r := range runs {
		count[r.Code]++
	}
	var all []string
	for code, n := range count {
		all = append(all, fmt.Sprintf("%d x %d", n, code))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
