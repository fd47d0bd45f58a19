package k8s

// The types here are the parts of Kubernetes' API that are rendered, in the order in
// which people write them; flow lists stand on one line. Their names and meaning are those of batch/v1 and v1.

type object struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Type       string   `yaml:"type,omitempty"`
	Data       any      `yaml:"data,omitempty"`
	Spec       any      `yaml:"spec,omitempty"`
}

type metadata struct {
	Name        string            `yaml:"name,omitempty"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

type jobSpec struct {
	CompletionMode          string            `yaml:"completionMode,omitempty"`
	Completions             uint32            `yaml:"completions"`
	Parallelism             uint32            `yaml:"parallelism"`
	BackoffLimit            *uint32           `yaml:"backoffLimit,omitempty"`
	BackoffLimitPerIndex    *uint32           `yaml:"backoffLimitPerIndex,omitempty"`
	MaxFailedIndexes        *uint32           `yaml:"maxFailedIndexes,omitempty"`
	PodReplacementPolicy    string            `yaml:"podReplacementPolicy,omitempty"`
	PodFailurePolicy        *podFailurePolicy `yaml:"podFailurePolicy,omitempty"`
	TTLSecondsAfterFinished *int64            `yaml:"ttlSecondsAfterFinished,omitempty"`
	Template                podTemplate       `yaml:"template"`
}

type podFailurePolicy struct {
	Rules []failureRule `yaml:"rules"`
}

type failureRule struct {
	Action          string         `yaml:"action"`
	OnExitCodes     *exitCodes     `yaml:"onExitCodes,omitempty"`
	OnPodConditions []podCondition `yaml:"onPodConditions,omitempty"`
}

type exitCodes struct {
	ContainerName string `yaml:"containerName"`
	Operator      string `yaml:"operator"`
	Values        []int  `yaml:"values,flow"`
}

type podCondition struct {
	Type   string `yaml:"type"`
	Status string `yaml:"status"`
}

type podTemplate struct {
	Metadata metadata `yaml:"metadata"`
	Spec     podSpec  `yaml:"spec"`
}

type podSpec struct {
	RestartPolicy                 string             `yaml:"restartPolicy"`
	ServiceAccountName            string             `yaml:"serviceAccountName,omitempty"`
	AutomountServiceAccountToken  bool               `yaml:"automountServiceAccountToken"`
	EnableServiceLinks            bool               `yaml:"enableServiceLinks"`
	TerminationGracePeriodSeconds int                `yaml:"terminationGracePeriodSeconds"`
	PriorityClassName             string             `yaml:"priorityClassName,omitempty"`
	ImagePullSecrets              []named            `yaml:"imagePullSecrets,omitempty"`
	NodeSelector                  map[string]string  `yaml:"nodeSelector,omitempty"`
	Tolerations                   []toleration       `yaml:"tolerations,omitempty"`
	SecurityContext               podSecurityContext `yaml:"securityContext"`
	Containers                    []container        `yaml:"containers"`
	Volumes                       []volume           `yaml:"volumes"`
}

type podSecurityContext struct {
	RunAsNonRoot   bool           `yaml:"runAsNonRoot"`
	RunAsUser      int            `yaml:"runAsUser"`
	RunAsGroup     int            `yaml:"runAsGroup"`
	FSGroup        int            `yaml:"fsGroup"`
	FSGroupChange  string         `yaml:"fsGroupChangePolicy"`
	SeccompProfile seccompProfile `yaml:"seccompProfile"`
}

type toleration struct {
	Key      string `yaml:"key"`
	Operator string `yaml:"operator"`
	Value    string `yaml:"value,omitempty"`
	Effect   string `yaml:"effect,omitempty"`
}

type seccompProfile struct {
	Type string `yaml:"type"`
}

type container struct {
	Name            string          `yaml:"name"`
	Image           string          `yaml:"image"`
	ImagePullPolicy string          `yaml:"imagePullPolicy,omitempty"`
	Command         []string        `yaml:"command"`
	Args            []string        `yaml:"args"`
	Ports           []containerPort `yaml:"ports,omitempty"`
	EnvFrom         []envSource     `yaml:"envFrom,omitempty"`
	Env             []envVar        `yaml:"env,omitempty"`
	Resources       resources       `yaml:"resources"`
	SecurityContext securityContext `yaml:"securityContext"`
	VolumeMounts    []volumeMount   `yaml:"volumeMounts"`
}

type containerPort struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
}

type envSource struct {
	SecretRef named `yaml:"secretRef"`
}

type named struct {
	Name string `yaml:"name"`
}

type envVar struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

type resources struct {
	Requests map[string]string `yaml:"requests,omitempty"`
	Limits   map[string]string `yaml:"limits,omitempty"`
}

type securityContext struct {
	AllowPrivilegeEscalation bool         `yaml:"allowPrivilegeEscalation"`
	ReadOnlyRootFilesystem   bool         `yaml:"readOnlyRootFilesystem"`
	Capabilities             capabilities `yaml:"capabilities"`
}

type capabilities struct {
	Drop []string `yaml:"drop,flow"`
}

type volumeMount struct {
	Name      string `yaml:"name"`
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}

type volume struct {
	Name                  string       `yaml:"name"`
	EmptyDir              *emptyDir    `yaml:"emptyDir,omitempty"`
	Secret                *secretFiles `yaml:"secret,omitempty"`
	PersistentVolumeClaim *claim       `yaml:"persistentVolumeClaim,omitempty"`
}

type emptyDir struct {
	SizeLimit string `yaml:"sizeLimit,omitempty"`
}

type secretFiles struct {
	SecretName  string    `yaml:"secretName"`
	DefaultMode int       `yaml:"defaultMode"`
	Items       []keyPath `yaml:"items,omitempty"`
}

type keyPath struct {
	Key  string `yaml:"key"`
	Path string `yaml:"path"`
}

type claim struct {
	ClaimName string `yaml:"claimName"`
	ReadOnly  bool   `yaml:"readOnly,omitempty"`
}

type serviceSpec struct {
	Selector map[string]string `yaml:"selector"`
	Ports    []servicePort     `yaml:"ports"`
}

type servicePort struct {
	Name string `yaml:"name"`
	Port int    `yaml:"port"`
}
