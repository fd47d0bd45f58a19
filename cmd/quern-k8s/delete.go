package main

import (
	"context"
	"fmt"
	"io"

	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quern/shard/k8s"
)

// remove takes the job's objects out of the cluster: its pods are ended. Its log and
// what it wrote stay, so submitting it again goes on where it was.
func remove(ctx context.Context, c *cluster, r *k8s.Request, talk io.Writer) error {
	selected := meta.ListOptions{LabelSelector: r.Options.Selector()}
	jobs, err := c.BatchV1().Jobs(c.namespace).List(ctx, selected)
	if err != nil {
		return c.refused(ctx, "cannot list jobs", err)
	}
	how := meta.DeletePropagationBackground
	for _, j := range jobs.Items {
		err := c.BatchV1().Jobs(c.namespace).Delete(ctx, j.Name, meta.DeleteOptions{PropagationPolicy: &how})
		if err != nil && !api.IsNotFound(err) {
			return c.refused(ctx, "cannot delete job "+j.Name, err)
		}
		fmt.Fprintln(talk, "deleted job", j.Name)
	}
	return c.removeAccess(ctx, &r.Options)
}

// removeAccess deletes what tasks needed to reach the coordinator.
func (c *cluster) removeAccess(ctx context.Context, o *k8s.Options) error {
	err := c.CoreV1().Services(c.namespace).Delete(ctx, o.CoordinatorName(), meta.DeleteOptions{})
	if err := unless(api.IsNotFound, err); err != nil {
		return c.refused(ctx, "cannot delete service "+o.CoordinatorName(), err)
	}
	err = c.CoreV1().Secrets(c.namespace).Delete(ctx, o.CertificatesName(), meta.DeleteOptions{})
	if err := unless(api.IsNotFound, err); err != nil {
		return c.refused(ctx, "cannot delete secret "+o.CertificatesName(), err)
	}
	return nil
}
