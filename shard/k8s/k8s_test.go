package k8s_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"quern/shard/k8s"
	"quern/shard/record"
)

func rewrite() *bool {
	if f := flag.Lookup("rewrite"); f != nil {
		v := f.Value.(flag.Getter).Get().(bool)
		return &v
	}
	return flag.Bool("rewrite", false, "write the golden files anew")
}

var rewriting = rewrite()

func id() (j record.Job) {
	for i := range j {
		j[i] = byte(0x10*i + 3)
	}
	return j
}

// least is what must be given.
func least() k8s.Options {
	o := k8s.Defaults()
	o.Job, o.ID, o.Image = "s3://bucket/out/_quern/jobs/"+id().String(), id(), "registry.example.com/quern:1.2"
	return o
}

// everything uses every option.
func everything() k8s.Options {
	return k8s.Options{
		Job: "/data/out put/_quern/jobs/" + id().String() + "$(HOME) \"' #: \\", ID: id(),
		Name: "flights", Namespace: "features", Image: "quern@sha256:" + strings.Repeat("ab", 32),
		PullPolicy: "IfNotPresent", PullSecret: "registry", ServiceAccount: "quern", Queue: "team-a", Priority: "low",
		NodeSelector: []k8s.Pair{{"nvidia.com/gpu.product", "H200"}, {"zone", ""}},
		Tolerations:  []k8s.Toleration{{"team", "a", "NoExecute"}, {"spot", "", ""}},
		Parallelism:  40, Retries: 5, AllowFailed: 2, Keep: time.Hour,
		CPU: "4", Memory: "16Gi", Scratch: "100Gi", GPUs: 1,
		Secrets: []string{"s3-keys"}, Env: []k8s.Pair{{"AWS_REGION", "eu-west-1"}, {"ODD", "yes\n- $(no): \"null\""}, {"EMPTY", ""}, {"NUMBER", "012"}},
		Volumes:     []k8s.Volume{{"flights", "/data", true}, {"features", "/out", false}},
		Coordinated: true, TLS: "quern-worker", ServerTLS: "quern-coordinator",
		Flags: []string{"--workers", "4", "--memory", "12GiB"},
	}
}

func TestGolden(t *testing.T) {
	phase := record.Phase{Number: 0, Learns: true, Shards: 240}
	coordinated := least()
	coordinated.Coordinated, coordinated.Namespace = true, "features"
	for name, o := range map[string]k8s.Options{"least": least(), "everything": everything(), "coordinator": coordinated} {
		t.Run(name, func(t *testing.T) {
			text, err := o.Phase(phase)
			if err != nil {
				t.Fatal(err)
			}
			if o.Coordinated {
				more, err := o.Coordinator(phase)
				if err != nil {
					t.Fatal(err)
				}
				text = append(more, text...)
				if o.TLS == "" {
					text = append(o.Certificates(map[string][]byte{"ca.crt": []byte("an authority\n"), "worker.key": {0xff}}), text...)
				}
			}
			golden(t, filepath.Join("testdata", name+".yaml"), text)
		})
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *rewriting {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(got) {
		t.Errorf("%s differs: go test ./shard/k8s -rewrite, then read the diff\n%s", path, got)
	}
}

// rendered is what a test reads of a Job.
type rendered struct {
	Spec struct {
		MaxFailedIndexes     *uint32 `yaml:"maxFailedIndexes"`
		BackoffLimitPerIndex *uint32 `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy     struct {
			Rules []struct {
				Action          string
				OnExitCodes     *struct{ Values []int }         `yaml:"onExitCodes"`
				OnPodConditions []struct{ Type, Status string } `yaml:"onPodConditions"`
			}
		} `yaml:"podFailurePolicy"`
	}
}

// action is what the Job controller does about an exit code: the first rule that fits
// counts, and what no rule fits is counted.
func (r *rendered) action(code int, disrupted bool) string {
	for _, rule := range r.Spec.PodFailurePolicy.Rules {
		if rule.OnExitCodes != nil && slices.Contains(rule.OnExitCodes.Values, code) {
			return rule.Action
		}
		for _, c := range rule.OnPodConditions {
			if disrupted && c.Type == "DisruptionTarget" && c.Status == "True" {
				return rule.Action
			}
		}
	}
	return "Count"
}

// TestExitCodes goes by docs/KUBERNETES.md: what becomes of a task's exit code, and of the
// coordinator's.
func TestExitCodes(t *testing.T) {
	o := least()
	o.Coordinated, o.AllowFailed, o.Retries = true, 2, 5
	phase := record.Phase{Shards: 9}
	tasks, err := o.Phase(phase)
	if err != nil {
		t.Fatal(err)
	}
	both, err := o.Coordinator(phase)
	if err != nil {
		t.Fatal(err)
	}
	_, coordinator, _ := strings.Cut(string(both), "\n---\n")
	for text, want := range map[string]map[int]string{
		string(tasks): {1: "FailJob", 2: "Count", 42: "FailIndex", 43: "FailIndex", 75: "Count", 134: "Count", 137: "Count", 143: "Count"},
		coordinator:   {1: "FailJob", 2: "Count", 42: "FailJob", 43: "Count", 75: "Count", 137: "Count"},
	} {
		var r rendered
		if err := yaml.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		for code, action := range want {
			if got := r.action(code, false); got != action {
				t.Errorf("exit code %d: %s, want %s", code, got, action)
			}
			if got := r.action(code, true); got != "Ignore" {
				t.Errorf("exit code %d on a drained node: %s", code, got)
			}
		}
		for _, rule := range r.Spec.PodFailurePolicy.Rules { // the API server refuses others
			if rule.OnExitCodes != nil && !slices.IsSorted(rule.OnExitCodes.Values) {
				t.Errorf("exit codes %v are not in order", rule.OnExitCodes.Values)
			}
		}
		if text == string(tasks) && (*r.Spec.MaxFailedIndexes != 2 || *r.Spec.BackoffLimitPerIndex != 5) {
			t.Errorf("%d indexes may fail, each is tried again %d times", *r.Spec.MaxFailedIndexes, *r.Spec.BackoffLimitPerIndex)
		}
	}
}

func TestSameJobSameNames(t *testing.T) {
	a, b := least(), least()
	b.Image, b.Parallelism = "another", 7
	if a.PhaseName(3) != b.PhaseName(3) || a.PhaseName(3) == a.PhaseName(4) {
		t.Errorf("names %s, %s, %s", a.PhaseName(3), b.PhaseName(3), a.PhaseName(4))
	}
	b.ID[0]++
	if a.PhaseName(3) == b.PhaseName(3) {
		t.Error("two jobs share a name")
	}
}

// TestLongestNames has every part of a pod's host name as long as it may be.
func TestLongestNames(t *testing.T) {
	o := least()
	o.Name = strings.Repeat("x", 30)
	if _, err := o.Phase(record.Phase{Shards: record.MaxShards}); mistake(err) != "parallelism" {
		t.Fatalf("a million pods at a time: %v", err)
	}
	o.Parallelism = 10_000
	if _, err := o.Phase(record.Phase{Number: 1<<32 - 1, Shards: record.MaxShards}); err != nil {
		t.Fatal(err)
	}
	if host := o.PhaseName(1<<32-1) + "-1048575"; len(host) > 63 {
		t.Errorf("host name %s has %d letters", host, len(host))
	}
	o.Name += "x"
	if _, err := o.Phase(record.Phase{Shards: 1}); mistake(err) != "name" {
		t.Errorf("a name too long: %v", err)
	}
}

func mistake(err error) string {
	var m *k8s.Mistake
	if errors.As(err, &m) {
		return m.Option
	}
	return ""
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct {
		option string
		change func(*k8s.Options)
	}{
		{"image", func(o *k8s.Options) { o.Image = "" }},
		{"image", func(o *k8s.Options) { o.Image = "a b" }},
		{"name", func(o *k8s.Options) { o.Name = "Flights" }},
		{"name", func(o *k8s.Options) { o.Name = "7up" }},
		{"name", func(o *k8s.Options) { o.Name = "a-" }},
		{"name", func(o *k8s.Options) { o.Name = "a\n" }},
		{"namespace", func(o *k8s.Options) { o.Namespace = "a.b" }},
		{"service-account", func(o *k8s.Options) { o.ServiceAccount = "a..b" }},
		{"pull-secret", func(o *k8s.Options) { o.PullSecret = "a/b" }},
		{"queue", func(o *k8s.Options) { o.Queue = "team a" }},
		{"priority", func(o *k8s.Options) { o.Priority = "_" }},
		{"secret", func(o *k8s.Options) { o.Secrets = []string{"good", "{bad: yaml}"} }},
		{"pull-policy", func(o *k8s.Options) { o.PullPolicy = "always" }},
		{"pod-cpu", func(o *k8s.Options) { o.CPU = "0" }},
		{"pod-cpu", func(o *k8s.Options) { o.CPU = "four" }},
		{"pod-memory", func(o *k8s.Options) { o.Memory = "8GiB" }},
		{"pod-memory", func(o *k8s.Options) { o.Memory = "-8Gi" }},
		{"scratch", func(o *k8s.Options) { o.Scratch = "1e3" }},
		{"pod-memory", func(o *k8s.Options) { o.Memory = "512m" }}, // of a byte
		{"scratch", func(o *k8s.Options) { o.Scratch = "512m" }},
		{"toleration", func(o *k8s.Options) { o.Tolerations = []k8s.Toleration{{"", "a", ""}} }},
		{"toleration", func(o *k8s.Options) { o.Tolerations = []k8s.Toleration{{"a", "b c", ""}} }},
		{"toleration", func(o *k8s.Options) { o.Tolerations = []k8s.Toleration{{"a", "", "Always"}} }},
		{"keep", func(o *k8s.Options) { o.Keep = -1 }},
		{"retries", func(o *k8s.Options) { o.Retries = 1 << 31 }},
		{"node-selector", func(o *k8s.Options) { o.NodeSelector = []k8s.Pair{{"a b", "c"}} }},
		{"node-selector", func(o *k8s.Options) { o.NodeSelector = []k8s.Pair{{"a", "c/d"}} }},
		{"env", func(o *k8s.Options) { o.Env = []k8s.Pair{{"A-B", "c"}} }},
		{"volume", func(o *k8s.Options) { o.Volumes = []k8s.Volume{{"c", "data", false}} }},
		{"volume", func(o *k8s.Options) { o.Volumes = []k8s.Volume{{"c", "/data/../etc", false}} }},
		{"volume", func(o *k8s.Options) { o.Volumes = []k8s.Volume{{"c", "/", false}} }},
		{"volume", func(o *k8s.Options) { o.Volumes = []k8s.Volume{{"c", "/tmp", false}} }},
		{"volume", func(o *k8s.Options) { o.Volumes = []k8s.Volume{{"c", "/a", false}, {"d", "/a", false}} }},
		{"job", func(o *k8s.Options) { o.Job = "" }},
		{"flag", func(o *k8s.Options) { o.Flags = []string{"\xff"} }},
		{"env", func(o *k8s.Options) { o.Env = []k8s.Pair{{"A", "\x00"}} }},
		{"server-tls", func(o *k8s.Options) { o.ServerTLS = "a" }},
		{"tls", func(o *k8s.Options) { o.Coordinated, o.TLS = true, "A" }},
	} {
		o := least()
		c.change(&o)
		if _, err := o.Phase(record.Phase{Shards: 9}); mistake(err) != c.option {
			t.Errorf("want a mistake of --%s, got %v", c.option, err)
		}
	}
	o := least()
	if _, err := o.Phase(record.Phase{}); mistake(err) != "job" {
		t.Errorf("no shards: %v", err)
	}
}

func TestAdvice(t *testing.T) {
	for _, c := range []struct {
		shards, parallelism uint32
		task                time.Duration
		want                []string // a piece of each advice
	}{
		{240, 40, 5 * time.Minute, nil},
		{240, 40, 0, nil},
		{8, 8, time.Second, []string{"about 8s of work in all"}},
		{1, 0, 11 * time.Minute, []string{"takes about 11m0s"}},
		{60, 40, 5 * time.Minute, []string{"60 shards for 40 pods at a time", "--parallelism 15"}},
		{240, 40, 10 * time.Second, []string{"takes about 10s", "about 40 shards"}},
		{40, 4, time.Hour, []string{"takes about 1h0m0s", "about 241 shards"}},
	} {
		o := least()
		o.Parallelism, o.Memory = c.parallelism, "8Gi"
		got := strings.Join(o.Advise(record.Phase{Shards: c.shards}, c.task), "\n")
		for _, piece := range c.want {
			if !strings.Contains(got, piece) {
				t.Errorf("%+v: %q lacks %q", c, got, piece)
			}
		}
		if len(c.want) == 0 && got != "" {
			t.Errorf("%+v: unwanted %q", c, got)
		}
	}
}

// TestPodsThatAskForNothing: they are the first to be ended, and each takes the node for its own.
func TestPodsThatAskForNothing(t *testing.T) {
	o := least()
	o.Parallelism = 40
	if got := o.Advise(record.Phase{Shards: 240}, 5*time.Minute); len(got) != 1 || !strings.Contains(got[0], "--pod-memory") {
		t.Errorf("advice %q", got)
	}
}

// FuzzText has anything in the places where any text is allowed: the document must say
// exactly that, and no more.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "null", "~", "0x1F", "1e3", "yes", "a: b", "- a", "#", "a #b", "'", "\"", "\\", "$(A)", "$$(A)",
		"\n", "a\nb\n", " a ", "\t", "---", "...", "é\u2028", "\x7f", "&a", "*a", "!!int 1", "{}", "[", "%", "@", "`", "a\rb", "\ufeff", "\x01", ">", "|"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o := least()
		o.Job, o.Flags, o.Env = s+"x", []string{s}, []k8s.Pair{{"A", s}}
		text, err := o.Phase(record.Phase{Shards: 9})
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			if mistake(err) == "" {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Spec struct {
				Template struct {
					Spec struct {
						Containers []struct {
							Args []string
							Env  []struct{ Name, Value string }
						}
					}
				}
			}
		}
		if err := yaml.Unmarshal(text, &got); err != nil {
			t.Fatalf("%q: %v\n%s", s, err, text)
		}
		c := got.Spec.Template.Spec.Containers[0]
		want := strings.ReplaceAll(s, "$(", "$$(")
		if c.Args[2] != want+"x" || c.Args[len(c.Args)-1] != want || c.Env[0].Value != want {
			t.Errorf("%q became %q, %q", s, c.Args, c.Env)
		}
	})
}
