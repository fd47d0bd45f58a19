package k8s

import (
	"time"

	"quern/shard/record"
)

// Options say how a job is to run in a cluster. Fields without a note may be zero, which
// leaves the matter to the cluster.
type Options struct {
	Job string     // URI, as tasks are given it
	ID  record.Job // of the same job

	Name           string // start of all names; "": quern
	Namespace      string
	Image          string // of the program quern; must be given
	PullPolicy     string // Always, IfNotPresent or Never
	PullSecret     string // for the image's registry
	ServiceAccount string
	Queue          string       // of Kueue, which then decides when pods start
	Priority       string       // priority class
	NodeSelector   []Pair       // of tasks; the coordinator needs no such node
	Tolerations    []Toleration // of tasks; that of GPUs comes by itself

	Parallelism uint32        // pods at the same time; 0: one per shard
	Retries     uint32        // of an index, beyond its first try
	AllowFailed uint32        // indexes that may fail before the others are stopped: as the plan says
	Keep        time.Duration // of finished Jobs and their pods' logs; 0: for ever

	CPU     string // per pod, like 4 or 500m
	Memory  string // per pod, like 8Gi
	Scratch string // of the node's disk, per pod: what it asks for, and the bound of the folder for temporary files
	GPUs    uint32 // per pod, of NVIDIA

	Secrets []string // whose keys become environment variables, such as those of S3
	Env     []Pair   // environment variables
	Volumes []Volume // where a job's folder or its source is not in S3

	Coordinated bool   // one pod that merges statistics and arbitrates; else the last finisher does
	TLS         string // secret with tls.crt, tls.key and ca.crt, of tasks; "": that of Certificates
	ServerTLS   string // the same of the coordinator; "": TLS

	Flags []string // further flags of every `quern task`
}

// Pair is a name and its value.
type Pair struct{ Name, Value string }

// Toleration is a taint of nodes that pods do not mind. An empty value stands for any, and
// an empty effect for all effects.
type Toleration struct{ Key, Value, Effect string }

// Volume is a persistent volume claim, and the folder where pods find it.
type Volume struct {
	Claim, Path string
	ReadOnly    bool
}

// The ports, users and folders that pods get.
const (
	port      = 7443  // of the coordinator
	user      = 65532 // nobody's: the number that images without a shell use
	tlsFolder = "/etc/quern/tls"
	scratch   = "/tmp"
	retries   = 3
)

// Defaults are options that fit most clusters: a bound on retries, and finished Jobs that
// go after a day.
func Defaults() Options {
	return Options{Name: "quern", Retries: retries, Keep: 24 * time.Hour, Scratch: "10Gi"}
}

// PhaseName is the name of a phase's Job.
func (o *Options) PhaseName(phase uint32) string { return o.base() + "-p" + number(phase) }

// CoordinatorName is the name of the coordinator's Job and Service.
func (o *Options) CoordinatorName() string { return o.base() + "-coordinator" }

// CertificatesName is the name of the secret that Certificates renders.
func (o *Options) CertificatesName() string { return o.base() + "-tls" }

// Hosts are the names by which the coordinator is reached: by tasks, in the namespace and
// from others, and through `kubectl port-forward`.
func (o *Options) Hosts() []string {
	hosts := []string{o.CoordinatorName(), "localhost", "127.0.0.1"}
	if o.Namespace != "" {
		hosts = append(hosts, o.CoordinatorName()+"."+o.Namespace, o.CoordinatorName()+"."+o.Namespace+".svc")
	}
	return hosts
}

// Selector selects everything that is rendered for the job.
func (o *Options) Selector() string { return jobLabel + "=" + o.ID.String() }

// TasksOf selects the tasks of a phase, and AllTasks those of all.
func (o *Options) TasksOf(phase uint32) string {
	return o.AllTasks() + "," + PhaseLabel + "=" + number(phase)
}

// AllTasks selects all tasks of the job, and not the coordinator.
func (o *Options) AllTasks() string { return o.Selector() + "," + componentLabel + "=task" }

// idDigits is how much of the job's identity is in names: 48 bits.
const idDigits = 12

func (o *Options) base() string {
	name := o.Name
	if name == "" {
		name = "quern"
	}
	return name + "-" + o.ID.String()[:idDigits]
}
