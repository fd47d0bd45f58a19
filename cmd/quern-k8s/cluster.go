package main

import (
	"context"
	"errors"
	"net"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"quern/features/diag"
	"quern/shard/k8s"
)

// cluster is a namespace of a cluster.
type cluster struct {
	kubernetes.Interface
	namespace string
	host      string
}

// connect finds the cluster as kubectl does: --kubeconfig, $KUBECONFIG, ~/.kube/config,
// or the service account of the pod that this runs in. It asks nothing of it yet.
func connect(r *k8s.Request) (*cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = r.Kubeconfig
	config := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: r.Context})
	rest, err := config.ClientConfig()
	if err != nil {
		return nil, unusable("no cluster is configured").Because(err)
	}
	namespace := r.Options.Namespace
	if namespace == "" {
		if namespace, _, err = config.Namespace(); err != nil {
			return nil, unusable("no namespace is configured").Because(err)
		}
	}
	rest.QPS, rest.Burst, rest.UserAgent = 50, 100, "quern-k8s"
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return nil, unusable("the cluster's configuration is wrong").Because(err)
	}
	return &cluster{client, namespace, rest.Host}, nil
}

// unusable is an error about a cluster.
func unusable(format string, args ...any) *diag.Error { return diag.New("Q540", format, args...) }

// refused makes an error of a request for people, unless it is that the program ends.
func (c *cluster) refused(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := unusable("%s in namespace %s of %s", what, c.namespace, c.host).Because(err)
	if api.IsForbidden(err) {
		e = e.WithHint("docs/KUBERNETES.md has the Role that this takes")
	}
	return e
}

// passing reports whether the same request may succeed later.
func passing(err error) bool {
	var network net.Error
	return errors.As(err, &network) || api.IsServerTimeout(err) || api.IsTimeout(err) || api.IsTooManyRequests(err) ||
		api.IsInternalError(err) || api.IsServiceUnavailable(err) || api.IsUnexpectedServerError(err) || api.IsConflict(err)
}

// createJob creates a Job from YAML, as `kubectl create` would, and refuses what the
// cluster does not know. It returns the one that is there if another was faster.
func (c *cluster) createJob(ctx context.Context, text []byte) (*batch.Job, error) {
	var job batch.Job
	if err := yaml.UnmarshalStrict(text, &job); err != nil {
		panic("quern: bug: rendered Job: " + err.Error())
	}
	made, err := c.BatchV1().Jobs(c.namespace).Create(ctx, &job, meta.CreateOptions{FieldValidation: meta.FieldValidationStrict})
	if api.IsAlreadyExists(err) {
		return c.BatchV1().Jobs(c.namespace).Get(ctx, job.Name, meta.GetOptions{})
	}
	return made, err
}

// createService does the same for a Service, which is one like another.
func (c *cluster) createService(ctx context.Context, text []byte) error {
	var service core.Service
	if err := yaml.UnmarshalStrict(text, &service); err != nil {
		panic("quern: bug: rendered Service: " + err.Error())
	}
	_, err := c.CoreV1().Services(c.namespace).Create(ctx, &service, meta.CreateOptions{FieldValidation: meta.FieldValidationStrict})
	return unless(api.IsAlreadyExists, err)
}

// createSecret does the same for a Secret. One that is there is of an earlier try, and
// pods have its certificates.
func (c *cluster) createSecret(ctx context.Context, text []byte) error {
	var secret core.Secret
	if err := yaml.UnmarshalStrict(text, &secret); err != nil {
		panic("quern: bug: rendered Secret: " + err.Error())
	}
	_, err := c.CoreV1().Secrets(c.namespace).Create(ctx, &secret, meta.CreateOptions{FieldValidation: meta.FieldValidationStrict})
	return unless(api.IsAlreadyExists, err)
}

// unless returns err, unless it is of a kind.
func unless(kind func(error) bool, err error) error {
	if kind(err) {
		return nil
	}
	return err
}

// ended returns how a Job ended: Complete or Failed with the reason; nil: it has not.
func ended(job *batch.Job) *batch.JobCondition {
	for i, c := range job.Status.Conditions {
		if (c.Type == batch.JobComplete || c.Type == batch.JobFailed) && c.Status == core.ConditionTrue {
			return &job.Status.Conditions[i]
		}
	}
	return nil
}
