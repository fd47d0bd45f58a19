package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"quern/cmd/quern-k8s/controlplane"
	"quern/shard/k8s"
	"quern/shard/record"
)

// warnings collects what the API server warns of.
type warnings struct {
	mu  sync.Mutex
	all []string
}

// HandleWarningHeader implements rest.WarningHandler.
func (w *warnings) HandleWarningHeader(_ int, _ string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, text)
}

// TestAccepted: the API server takes everything that can be rendered, strictly, without a
// warning, and in a namespace that takes no pods with rights beyond the least.
func TestAccepted(t *testing.T) {
	s := newScene(t, 0)
	config, err := s.Config(controlplane.Admin)
	if err != nil {
		t.Fatal(err)
	}
	warned := &warnings{}
	config.WarningHandler = warned
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	dry := meta.CreateOptions{DryRun: []string{meta.DryRunAll}, FieldValidation: meta.FieldValidationStrict}
	try := func(what, text string) {
		t.Helper()
		var kind meta.TypeMeta
		err := yaml.Unmarshal([]byte(text), &kind)
		switch kind.Kind {
		case "Job":
			var job batch.Job
			if err = yaml.UnmarshalStrict([]byte(text), &job); err == nil {
				_, err = client.BatchV1().Jobs(s.namespace).Create(t.Context(), &job, dry)
			}
		case "Service":
			var service core.Service
			if err = yaml.UnmarshalStrict([]byte(text), &service); err == nil {
				_, err = client.CoreV1().Services(s.namespace).Create(t.Context(), &service, dry)
			}
		case "Secret":
			var secret core.Secret
			if err = yaml.UnmarshalStrict([]byte(text), &secret); err == nil {
				_, err = client.CoreV1().Secrets(s.namespace).Create(t.Context(), &secret, dry)
			}
		default:
			err = fmt.Errorf("unknown kind %q: %v", kind.Kind, err)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", what, err, text)
		}
	}
	objects := 0
	for name, o := range options(s.namespace) {
		for _, phase := range []record.Phase{{Shards: 1}, {Number: 7, Shards: 100_000}, {Number: 1<<32 - 1, Shards: record.MaxShards}} {
			texts := o.Certificates(map[string][]byte{"ca.crt": {1}})
			for _, render := range []func(record.Phase) ([]byte, error){o.Phase, o.Coordinator} {
				text, err := render(phase)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text...)
			}
			for _, text := range strings.Split(string(texts), "---\n")[1:] {
				try(name, text)
				objects++
			}
		}
	}
	for _, text := range warned.all {
		t.Errorf("warning: %s", text)
	}
	s.note(time.Now(), fmt.Sprintf("%d objects accepted in a dry run", objects))
}

// options returns options from the least to all.
func options(namespace string) map[string]k8s.Options {
	least := k8s.Defaults()
	least.Job, least.Image, least.Parallelism = "s3://bucket/out/_quern/jobs/"+record.Job{}.String(), "quern", 10_000
	odd := least
	odd.Job = "/data/$(HOME) 'a' \"b\": #\\ \u2028\x7f\té"
	odd.Flags, odd.Env = []string{"", "- a", "null", "\n"}, []k8s.Pair{{Name: "A", Value: "yes"}, {Name: "B", Value: ""}, {Name: "C", Value: "a\nb: c"}}
	all := odd
	all.Name, all.Namespace = strings.Repeat("x", 30), namespace
	all.PullPolicy, all.PullSecret, all.ServiceAccount, all.Queue, all.Priority = "Always", "registry", "runner", "team-a", "low"
	all.NodeSelector = []k8s.Pair{{Name: "nvidia.com/gpu.product", Value: "H200"}, {Name: "zone", Value: ""}}
	all.Tolerations = []k8s.Toleration{{Key: "team", Value: "a", Effect: "NoExecute"}, {Key: "example.com/spot"}}
	all.Retries, all.AllowFailed, all.Keep = 1<<16, 10_000, 8760*time.Hour
	all.CPU, all.Memory, all.Scratch, all.GPUs = "1500m", "0.5Gi", "100G", 8
	all.Secrets, all.Volumes = []string{"s3.keys", "more"}, []k8s.Volume{{Claim: "flights", Path: "/data", ReadOnly: true}, {Claim: "out.put", Path: "/out/a b"}}
	all.Coordinated, all.TLS, all.ServerTLS = true, "workers", "coordinator"
	own := least
	own.Coordinated = true
	return map[string]k8s.Options{"least": least, "odd": odd, "all": all, "own certificates": own}
}

// TestRights: the Role of docs/KUBERNETES.md is enough, and without it the error says so.
func TestRights(t *testing.T) {
	s := newScene(t, 3)
	said := s.ends(s.submit("--context", controlplane.Submitter, "--coordinator"), 4)
	if !strings.Contains(said, "Q540") || !strings.Contains(said, "forbidden") || !strings.Contains(said, "KUBERNETES.md") {
		t.Errorf("said\n%s", said)
	}
	text, err := os.ReadFile("../../docs/KUBERNETES.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```yaml\n(apiVersion: rbac[^`]*)```").FindSubmatch(text)
	if found == nil {
		t.Fatal("docs/KUBERNETES.md has no Role")
	}
	var role rbac.Role
	if err := yaml.UnmarshalStrict(found[1], &role); err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.RbacV1().Roles(s.namespace).Create(t.Context(), &role, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	binding := &rbac.RoleBinding{ObjectMeta: meta.ObjectMeta{Name: "submitter"}, RoleRef: rbac.RoleRef{Kind: "Role", Name: role.Name},
		Subjects: []rbac.Subject{{Kind: "User", Name: controlplane.Submitter}}}
	if _, err := s.client.RbacV1().RoleBindings(s.namespace).Create(t.Context(), binding, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	as := []string{"-n", s.namespace, "--context", controlplane.Submitter}
	s.ends(s.submit("--context", controlplane.Submitter, "--coordinator"), 0)
	s.ends(s.quern(append([]string{"k8s", "status", "out"}, as...)...), 0)
	s.ends(s.quern(append([]string{"k8s", "logs", "out"}, as...)...), 0)
	s.ends(s.quern(append([]string{"k8s", "delete", "out"}, as...)...), 0)
	s.note(started, "submit, status, logs and delete with the Role of the documentation alone")
	s.same()
}

// TestRendered does without quern-k8s: phases are rendered and created one by one, until
// nothing is left.
func TestRendered(t *testing.T) {
	s := newScene(t, 4)
	started := time.Now()
	flags := []string{"--image", "quern", "-n", s.namespace, "--workers", "1"}
	said := s.quern(append([]string{"k8s", "render", "recipe.yaml", "--shards", "64"}, flags...)...)
	phases := 0
	for ; ; phases++ {
		text, err := said.Output()
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 {
			break
		}
		c := &cluster{s.client, s.namespace, ""}
		job, err := c.createJob(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		s.until("the phase is done", time.Minute, func() bool {
			job, err = s.client.BatchV1().Jobs(s.namespace).Get(t.Context(), job.Name, meta.GetOptions{})
			return err == nil && ended(job) != nil
		})
		said = s.quern(append([]string{"k8s", "render", "--job", "out"}, flags...)...)
	}
	s.ends(s.quern("k8s", "submit", "--job", "out", "-o", "flights.quern", "--image", "quern", "-n", s.namespace), 0)
	s.note(started, "phases rendered and created one by one, without quern-k8s")
	s.same()
	if phases != 2 {
		t.Errorf("%d phases", phases)
	}
}
