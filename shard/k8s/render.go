package k8s

import (
	"encoding/base64"
	"fmt"
	"maps"

	"quern/shard/record"
)

// PhaseLabel is where objects of a phase say its number.
const PhaseLabel = "quern.dev/phase"

// The labels of everything that is rendered. Values of labels are short and of few
// letters, so what people may have named freely, such as the URI, is an annotation.
const (
	jobLabel       = "quern.dev/job"
	componentLabel = "app.kubernetes.io/component"
	queueLabel     = "kueue.x-k8s.io/queue-name"
	uriNote        = "quern.dev/uri"
)

// Phase renders the Job of a phase as a YAML document. Errors are *Mistake.
func (o *Options) Phase(phase record.Phase) ([]byte, error) {
	if err := o.check(phase); err != nil {
		return nil, err
	}
	job := o.object("batch/v1", "Job", o.PhaseName(phase.Number), "task")
	job.Metadata.Labels[PhaseLabel] = number(phase.Number)
	labels := maps.Clone(job.Metadata.Labels)
	if o.Queue != "" {
		job.Metadata.Labels[queueLabel] = o.Queue
	}
	pod := o.pod(o.task(phase.Number), o.certificates("worker", o.TLS))
	pod.NodeSelector, pod.Tolerations = pairs(o.NodeSelector), o.tolerations()
	spec := jobSpec{
		CompletionMode:       "Indexed",
		Completions:          phase.Shards,
		Parallelism:          o.parallelism(phase),
		BackoffLimitPerIndex: &o.Retries,
		MaxFailedIndexes:     ptr(min(o.AllowFailed, phase.Shards)),
		PodReplacementPolicy: "Failed", // a pod that is ending may still commit: no twin before it has ended
		PodFailurePolicy: failurePolicy(
			codes("FailIndex", exitPoison, exitFenced), codes("Count", exitCrash, exitRetry), codes("FailJob", exitDamaged)),
		Template: podTemplate{Metadata: metadata{Labels: labels}, Spec: pod},
	}
	if o.Keep > 0 {
		spec.TTLSecondsAfterFinished = ptr(int64(o.Keep.Seconds()))
	}
	job.Spec = spec
	return document(fmt.Sprintf("phase %d: %d shards, %d at a time", phase.Number, phase.Shards, spec.Parallelism), job), nil
}

// failurePolicy says what exit codes mean. The first rule that fits counts. A pod that was
// disrupted by the cluster is nobody's failure.
func failurePolicy(rules ...failureRule) *podFailurePolicy {
	disrupted := failureRule{Action: "Ignore", OnPodConditions: []podCondition{{"DisruptionTarget", "True"}}}
	return &podFailurePolicy{append([]failureRule{disrupted}, rules...)}
}

// codes is a rule for exit codes, which Kubernetes wants in ascending order.
func codes(action string, values ...int) failureRule {
	return failureRule{Action: action, OnExitCodes: &exitCodes{container0, "In", values}}
}

// The exit codes of a task, apart from 0.
const (
	exitDamaged = 1
	exitCrash   = 2 // of a Go program, and of a command line that quern does not take
	exitPoison  = 42
	exitFenced  = 43
	exitRetry   = 75
)

// Coordinator renders the coordinator's Service and Job as YAML documents. When its pod
// dies, another one follows after ten seconds, and tasks wait for it; when it exits
// because the job cannot be done, none does. Errors are *Mistake.
func (o *Options) Coordinator(phase record.Phase) ([]byte, error) {
	if err := o.check(phase); err != nil {
		return nil, err
	}
	name := o.CoordinatorName()
	service := o.object("v1", "Service", name, "coordinator")
	service.Spec = serviceSpec{
		Selector: map[string]string{jobLabel: o.ID.String(), componentLabel: "coordinator"},
		Ports:    []servicePort{{"grpc", port}},
	}
	job := o.object("batch/v1", "Job", name, "coordinator")
	secret := o.certificates("server", o.ServerTLS)
	if secret.SecretName == "" {
		secret.SecretName = o.TLS
	}
	c := o.container("coordinator", "--job", o.Job, "--listen", fmt.Sprintf(":%d", port))
	c.Args = append(c.Args, tlsFlags()...)
	c.Ports = []containerPort{{"grpc", port}}
	c.Resources = o.resources(0)
	spec := jobSpec{
		Completions: 1, Parallelism: 1, BackoffLimit: ptr(uint32(coordinatorRestarts)),
		PodReplacementPolicy: "Failed",
		PodFailurePolicy:     failurePolicy(codes("FailJob", exitDamaged, exitPoison)),
		Template:             podTemplate{Metadata: metadata{Labels: job.Metadata.Labels}, Spec: o.pod(c, secret)},
	}
	if o.Keep > 0 {
		spec.TTLSecondsAfterFinished = ptr(int64(o.Keep.Seconds()))
	}
	job.Spec = spec
	return document("the coordinator: it merges statistics; the truth is in the store", service, job), nil
}

// coordinatorRestarts is how often the coordinator may die. It owns no truth, so dying
// costs seconds; giving up costs the job.
const coordinatorRestarts = 100

// Certificates renders the secret with the certificates of both roles: keys are
// server.crt, server.key, worker.crt, worker.key and ca.crt, values PEM. One secret, so
// that all are of one authority whoever else makes one at the same time.
func (o *Options) Certificates(files map[string][]byte) []byte {
	secret := o.object("v1", "Secret", o.CertificatesName(), "coordinator")
	secret.Type = "Opaque"
	data := map[string]string{}
	for name, content := range files {
		data[name] = base64.StdEncoding.EncodeToString(content)
	}
	secret.Data = data
	return document("certificates of coordinator and tasks: keep them to yourself", secret)
}

func (o *Options) object(version, kind, name, component string) object {
	return object{APIVersion: version, Kind: kind, Metadata: metadata{
		Name: name, Namespace: o.Namespace,
		Labels: map[string]string{
			"app.kubernetes.io/name":       "quern",
			"app.kubernetes.io/managed-by": "quern",
			componentLabel:                 component,
			jobLabel:                       o.ID.String(),
		},
		Annotations: map[string]string{uriNote: o.Job},
	}}
}

func (o *Options) parallelism(phase record.Phase) uint32 {
	if o.Parallelism == 0 {
		return phase.Shards
	}
	return min(o.Parallelism, phase.Shards)
}
