package diag

// k8sCodes are about clusters of Kubernetes.
func k8sCodes() []Entry {
	return []Entry{
		{"Q540", Unavailable, "cluster that cannot be used",
			"The Kubernetes cluster is not configured, does not answer, or refuses what quern asks of it. What is committed stays committed, and what the cluster is at goes on.",
			"`kubectl get jobs` with the same context and namespace should work; docs/KUBERNETES.md has the rights that quern needs. Then run the same command again."},
		{"Q541", Unavailable, "no program that speaks with clusters",
			"`quern k8s submit`, status, logs and delete are done by the program quern-k8s, which is apart so that quern itself stays small. It is beside quern or in the PATH.",
			"`make k8s` builds build/quern-k8s; put it beside quern. `quern k8s render` needs none: it prints what kubectl can apply."},
	}
}
