package k8s

import "fmt"

// container0 is the name of a pod's only container.
const container0 = "quern"

// grace is how long a pod has between SIGTERM and SIGKILL, in seconds: a task ends
// within five.
const grace = 15

// pod is what runs a container as nobody, who may write to the scratch folder and to
// given volumes only.
func (o *Options) pod(c container, secret secretFiles) podSpec {
	p := podSpec{
		RestartPolicy:                 "Never", // a new pod may find a better node, and failures have a policy
		ServiceAccountName:            o.ServiceAccount,
		TerminationGracePeriodSeconds: grace,
		PriorityClassName:             o.Priority,
		SecurityContext: podSecurityContext{
			RunAsNonRoot: true, RunAsUser: user, RunAsGroup: user, FSGroup: user,
			FSGroupChange:  "OnRootMismatch", // else the owner of each file of a volume is changed before each pod
			SeccompProfile: seccompProfile{"RuntimeDefault"},
		},
		Volumes: []volume{{Name: "scratch", EmptyDir: &emptyDir{o.Scratch}}},
	}
	if o.PullSecret != "" {
		p.ImagePullSecrets = []named{{o.PullSecret}}
	}
	c.VolumeMounts = []volumeMount{{Name: "scratch", MountPath: scratch}}
	for i, v := range o.Volumes {
		name := fmt.Sprintf("data-%d", i)
		p.Volumes = append(p.Volumes, volume{Name: name, PersistentVolumeClaim: &claim{v.Claim, v.ReadOnly}})
		c.VolumeMounts = append(c.VolumeMounts, volumeMount{name, v.Path, v.ReadOnly})
	}
	if o.Coordinated {
		p.Volumes = append(p.Volumes, volume{Name: "tls", Secret: &secret})
		c.VolumeMounts = append(c.VolumeMounts, volumeMount{"tls", tlsFolder, true})
	}
	p.Containers = []container{c}
	return p
}

// task is the container of a phase's tasks. The shard is JOB_COMPLETION_INDEX, which the
// Job controller sets.
func (o *Options) task(phase uint32) container {
	c := o.container("task", "--job", o.Job, "--phase", number(phase))
	if o.Coordinated {
		c.Args = append(c.Args, "--coordinator", fmt.Sprintf("%s:%d", o.CoordinatorName(), port))
		c.Args = append(c.Args, tlsFlags()...)
	}
	if o.GPUs > 0 {
		c.Args = append(c.Args, "--device", "gpu")
	}
	c.Args = append(c.Args, escaped(o.Flags)...)
	return c
}

// certificates says which files of which secret a role gets. In the secret of
// Certificates both roles have theirs, by prefix.
func (o *Options) certificates(role, given string) secretFiles {
	if o.TLS != "" {
		return secretFiles{SecretName: given, DefaultMode: 0o440}
	}
	return secretFiles{SecretName: o.CertificatesName(), DefaultMode: 0o440, Items: []keyPath{
		{role + ".crt", "tls.crt"}, {role + ".key", "tls.key"}, {"ca.crt", "ca.crt"},
	}}
}

func tlsFlags() []string {
	return []string{"--tls-cert", tlsFolder + "/tls.crt", "--tls-key", tlsFolder + "/tls.key", "--tls-ca", tlsFolder + "/ca.crt"}
}

// container runs a command of quern.
func (o *Options) container(command ...string) container {
	c := container{
		Name:            container0,
		Image:           o.Image,
		ImagePullPolicy: o.PullPolicy,
		Command:         []string{"quern"},
		Args:            escaped(command),
		Resources:       o.resources(o.GPUs),
		SecurityContext: securityContext{ReadOnlyRootFilesystem: true, Capabilities: capabilities{[]string{"ALL"}}},
	}
	for _, name := range o.Secrets {
		c.EnvFrom = append(c.EnvFrom, envSource{named{name}})
	}
	for _, e := range o.Env {
		c.Env = append(c.Env, envVar{e.Name, dollars(e.Value)})
	}
	return c
}

// resources asks for what is promised and no more: a request that equals its limit is a
// pod that is the last to be evicted. The processor alone is not bounded, so that idle
// cores are used.
func (o *Options) resources(gpus uint32) resources {
	requests, limits := map[string]string{}, map[string]string{}
	if o.CPU != "" {
		requests["cpu"] = o.CPU
	}
	if o.Memory != "" {
		requests["memory"], limits["memory"] = o.Memory, o.Memory
	}
	if o.Scratch != "" { // else pods find room on a node whose disk is promised to others
		requests["ephemeral-storage"], limits["ephemeral-storage"] = o.Scratch, o.Scratch
	}
	if gpus > 0 {
		limits[gpuResource] = number(gpus)
	}
	var r resources
	if len(requests) > 0 {
		r.Requests = requests
	}
	if len(limits) > 0 {
		r.Limits = limits
	}
	return r
}

// gpuResource is what NVIDIA's device plugin calls a GPU, and what nodes with GPUs are
// commonly tainted with, so that other pods leave them alone.
const gpuResource = "nvidia.com/gpu"

// tolerations are the taints that tasks do not mind.
func (o *Options) tolerations() (all []toleration) {
	if o.GPUs > 0 {
		all = append(all, toleration{Key: gpuResource, Operator: "Exists", Effect: "NoSchedule"})
	}
	for _, t := range o.Tolerations {
		operator := "Equal"
		if t.Value == "" {
			operator = "Exists"
		}
		all = append(all, toleration{t.Key, operator, t.Value, t.Effect})
	}
	return all
}

func pairs(list []Pair) map[string]string {
	if len(list) == 0 {
		return nil
	}
	m := map[string]string{}
	for _, p := range list {
		m[p.Name] = p.Value
	}
	return m
}
