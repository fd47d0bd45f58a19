package k8s

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"quern/shard/record"
)

// Mistake is an option with a value that a cluster would refuse, or that would not mean
// what it seems to.
type Mistake struct {
	Option string // as the command line calls it, without dashes
	Value  string
	Rule   string // what holds of good values
}

// Error names the option, the value and the rule.
func (m *Mistake) Error() string { return fmt.Sprintf("--%s %q: %s", m.Option, m.Value, m.Rule) }

// The limits of Kubernetes.
const (
	maxLabel = 63  // letters of a name that becomes part of a host name or a label
	maxName  = 253 // letters of any other name
	// maxStem is what names have room for: host names of pods are NAME-ID-pPHASE-SHARD,
	// where the identity has 12 letters, phases up to 10, and shards up to 7.
	maxStem = maxLabel - 1 - idDigits - len("-p4294967295") - len("-1048575")
	// maxLoose is how many indexes a Job may have that runs more than 10,000 pods at a
	// time, or lets more than 10,000 fail.
	maxLoose, maxAtOnce = 100_000, 10_000
)

// checker collects the first mistake.
type checker struct{ mistake *Mistake }

func (c *checker) that(good bool, option, value, rule string) {
	if !good && c.mistake == nil {
		c.mistake = &Mistake{option, value, rule}
	}
}

// Check finds what is wrong with options whatever the job is: a *Mistake.
func (o *Options) Check() error {
	c := &checker{}
	o.checkNames(c)
	o.checkPods(c)
	return c.err()
}

func (c *checker) err() error {
	if c.mistake != nil {
		return c.mistake
	}
	return nil
}

// check checks them for a phase as well.
func (o *Options) check(phase record.Phase) error {
	c := &checker{}
	o.checkNames(c)
	o.checkPods(c)
	c.that(isText(o.Job) && o.Job != "", "job", o.Job, "the URI of a job is text")
	c.that(phase.Shards > 0, "job", o.Job, "its plan has no shards")
	wide := phase.Shards > maxLoose
	c.that(!wide || o.parallelism(phase) <= maxAtOnce, "parallelism", number(o.parallelism(phase)),
		"a Job of more than 100,000 shards runs at most 10,000 pods at a time")
	c.that(!wide || o.AllowFailed <= maxAtOnce, "allow-failed-shards", number(o.AllowFailed),
		"a Job of more than 100,000 shards lets at most 10,000 of them fail")
	return c.err()
}

const (
	nameRule  = "a name has small letters, digits and dashes, and starts and ends with a letter or digit"
	pathRule  = "a folder in a pod is an absolute path without .. and colons"
	textRule  = "what a process is given is text without zero bytes"
	labelRule = "a label has letters, digits, dashes, dots and underscores, at most 63"
)

func (o *Options) checkNames(c *checker) {
	if o.Name != "" {
		c.that(isLabel(o.Name), "name", o.Name, nameRule+"; the first is a letter")
		c.that(o.Name[0] > '9', "name", o.Name, nameRule+"; the first is a letter")
		c.that(len(o.Name) <= maxStem, "name", o.Name, fmt.Sprintf("it may have %d letters", maxStem))
	}
	optional := func(option, value string, good func(string) bool) {
		c.that(value == "" || good(value), option, value, nameRule)
	}
	optional("namespace", o.Namespace, isLabel)
	optional("service-account", o.ServiceAccount, isName)
	optional("pull-secret", o.PullSecret, isName)
	optional("priority", o.Priority, isName)
	optional("queue", o.Queue, isLabel)
	optional("tls", o.TLS, isName)
	optional("server-tls", o.ServerTLS, isName)
	for _, s := range o.Secrets {
		c.that(isName(s), "secret", s, nameRule)
	}
	c.that(o.ServerTLS == "" || o.TLS != "", "server-tls", o.ServerTLS, "name the secret of tasks as well: --tls")
}

func (o *Options) checkPods(c *checker) {
	c.that(o.Image != "", "image", o.Image, "name the image that pods run, such as registry.example.com/quern:1.2")
	c.that(!strings.ContainsAny(o.Image, " \t\r\n"), "image", o.Image, "the name of an image has no blanks")
	switch o.PullPolicy {
	case "", "Always", "IfNotPresent", "Never":
	default:
		c.that(false, "pull-policy", o.PullPolicy, "it is Always, IfNotPresent or Never")
	}
	c.that(o.Keep >= 0, "keep", o.Keep.String(), "it is not negative")
	c.that(o.Retries <= 1<<16, "retries", number(o.Retries), "at most 65536")
	c.that(o.CPU == "" || isQuantity(o.CPU), "pod-cpu", o.CPU, "give a number of processors, such as 500m, 4 or 1.5")
	for _, bytes := range []Pair{{"pod-memory", o.Memory}, {"scratch", o.Scratch}} {
		c.that(bytes.Value == "" || isQuantity(bytes.Value), bytes.Name, bytes.Value, "give a quantity of Kubernetes, such as 512Mi or 8Gi")
		c.that(!strings.HasSuffix(bytes.Value, "m"), bytes.Name, bytes.Value, "m is a thousandth, here of a byte: write Mi or M")
	}
	for _, p := range o.NodeSelector {
		c.that(isQualified(p.Name) && (p.Value == "" || isValue(p.Value)), "node-selector", p.Name+"="+p.Value, labelRule)
	}
	for _, t := range o.Tolerations {
		text := t.Key + "=" + t.Value + ":" + t.Effect
		c.that(isQualified(t.Key) && (t.Value == "" || isValue(t.Value)), "toleration", text, labelRule)
		c.that(slices.Contains([]string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect), "toleration", text,
			"the effect is NoSchedule, PreferNoSchedule or NoExecute")
	}
	for _, e := range o.Env {
		c.that(isEnv(e.Name), "env", e.Name, "an environment variable has letters, digits and underscores")
		c.that(isText(e.Value), "env", e.Name, textRule)
	}
	for _, f := range o.Flags {
		c.that(isText(f), "flag", f, textRule)
	}
	taken := map[string]bool{scratch: true, tlsFolder: true}
	for _, v := range o.Volumes {
		text := v.Claim + ":" + v.Path
		c.that(isName(v.Claim), "volume", text, nameRule)
		c.that(path.IsAbs(v.Path) && path.Clean(v.Path) == v.Path && v.Path != "/" && !strings.ContainsAny(v.Path, ":\x00"), "volume", text, pathRule)
		c.that(!taken[v.Path], "volume", text, "two volumes cannot be in one folder, nor in "+scratch+" or "+tlsFolder)
		taken[v.Path] = true
	}
}

func isLabel(s string) bool {
	return len(s) <= maxLabel && matches(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`, s)
}

func isName(s string) bool {
	return len(s) <= maxName && matches(`[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`, s)
}

func isValue(s string) bool {
	return len(s) <= maxLabel && matches(`[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?`, s)
}

// isQualified reports whether s is a label's name, which may have a domain before it.
func isQualified(s string) bool {
	domain, name, found := strings.Cut(s, "/")
	if !found {
		return isValue(s)
	}
	return isName(domain) && isValue(name)
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func isEnv(s string) bool { return matches(`[A-Za-z_][A-Za-z0-9_]*`, s) }

// isQuantity reports whether s is an amount above zero, without an exponent.
func isQuantity(s string) bool {
	return len(s) <= 20 && matches(`[0-9]+(\.[0-9]{1,3})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?`, s) && strings.ContainsAny(s, "123456789")
}

func matches(pattern, s string) bool {
	ok, err := regexp.MatchString(`^(?:`+pattern+`)$`, s)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return ok && !strings.HasSuffix(s, "\n")
}

// escaped keeps Kubernetes from replacing $(NAME) in arguments.
func escaped(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = dollars(a)
	}
	return out
}

func dollars(s string) string { return strings.ReplaceAll(s, "$(", "$$(") }
