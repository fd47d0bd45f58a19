package kubelite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// command makes the process of the pod's container: its program, arguments, environment,
// volumes and user.
func (p *process) command() (*exec.Cmd, error) {
	c := &p.pod.Spec.Containers[0]
	folder := p.node.folder(p.pod.Name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, err
	}
	env, err := p.environment(c)
	if err != nil {
		return nil, err
	}
	paths, err := p.mounts(c, folder)
	if err != nil {
		return nil, err
	}
	words := append(append([]string(nil), c.Command...), c.Args...)
	for i, w := range words {
		words[i] = p.here(expand(w, env), paths)
	}
	program, ok := p.node.o.Programs[words[0]]
	if !ok {
		return nil, fmt.Errorf("image %s has no program %s", c.Image, words[0])
	}
	log, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", log, log
	cmd.Env = append(cmd.Env, p.node.o.Env...)
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+p.here(value, paths))
	}
	cmd.Env = append(cmd.Env, "PATH=/usr/bin:/bin", "HOSTNAME="+p.pod.Name, "TMPDIR="+paths["/tmp"])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return cmd, p.user(cmd)
}

// user makes the process run as its pod says, or refuses what a kubelet would.
func (p *process) user(cmd *exec.Cmd) error {
	s := p.pod.Spec.SecurityContext
	if s == nil || s.RunAsUser == nil || s.RunAsGroup == nil {
		return nil
	}
	if s.RunAsNonRoot != nil && *s.RunAsNonRoot && *s.RunAsUser == 0 {
		return fmt.Errorf("pod %s is not to run as root", p.pod.Name)
	}
	if p.node.o.Users {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(*s.RunAsUser), Gid: uint32(*s.RunAsGroup)}
	}
	return nil
}

// environment returns what the pod says of variables: from secrets, its own fields, and
// as they are. Later ones win.
func (p *process) environment(c *core.Container) (map[string]string, error) {
	env := map[string]string{}
	for _, from := range c.EnvFrom {
		if from.SecretRef == nil {
			return nil, fmt.Errorf("environment of another kind than secrets")
		}
		data, err := p.secret(from.SecretRef.Name)
		if err != nil {
			return nil, err
		}
		for name, value := range data {
			env[from.Prefix+name] = string(value)
		}
	}
	for _, v := range c.Env {
		switch {
		case v.ValueFrom == nil:
			env[v.Name] = expand(v.Value, env)
		case v.ValueFrom.FieldRef != nil:
			value, err := p.field(v.ValueFrom.FieldRef.FieldPath)
			if err != nil {
				return nil, err
			}
			env[v.Name] = value
		default:
			return nil, fmt.Errorf("variable %s comes from somewhere unknown", v.Name)
		}
	}
	return env, nil
}

func (p *process) secret(name string) (map[string][]byte, error) {
	s, err := p.node.o.Client.CoreV1().Secrets(p.pod.Namespace).Get(p.node.ctx, name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	return s.Data, nil
}

// field returns a field of the pod, such as metadata.labels['a/b'].
func (p *process) field(path string) (string, error) {
	name, key, found := strings.Cut(strings.TrimSuffix(path, "']"), "['")
	switch {
	case found && name == "metadata.labels":
		return p.pod.Labels[key], nil
	case found && name == "metadata.annotations":
		return p.pod.Annotations[key], nil
	case path == "metadata.name":
		return p.pod.Name, nil
	case path == "metadata.namespace":
		return p.pod.Namespace, nil
	}
	return "", fmt.Errorf("unknown field %s", path)
}

// mounts makes the folders of the container's volumes, by mount path.
func (p *process) mounts(c *core.Container, folder string) (map[string]string, error) {
	paths := map[string]string{"/tmp": folder}
	for _, m := range c.VolumeMounts {
		for _, v := range p.pod.Spec.Volumes {
			if v.Name != m.Name {
				continue
			}
			at, err := p.volume(&v, filepath.Join(folder, v.Name))
			if err != nil {
				return nil, err
			}
			paths[m.MountPath] = at
		}
	}
	return paths, nil
}

func (p *process) volume(v *core.Volume, at string) (string, error) {
	if v.PersistentVolumeClaim != nil {
		local, ok := p.node.o.Claims[v.PersistentVolumeClaim.ClaimName]
		if !ok {
			return "", fmt.Errorf("no claim %s", v.PersistentVolumeClaim.ClaimName)
		}
		return local, nil
	}
	if err := os.MkdirAll(at, 0o777); err != nil {
		return "", err
	}
	if err := os.Chmod(at, 0o777); err != nil { // whatever the umask is: a node gives it to the pod's group
		return "", err
	}
	if v.Secret == nil {
		return at, nil
	}
	data, err := p.secret(v.Secret.SecretName)
	if err != nil {
		return "", err
	}
	items := v.Secret.Items
	if len(items) == 0 {
		for name := range data {
			items = append(items, core.KeyToPath{Key: name, Path: name})
		}
	}
	for _, i := range items {
		if err := os.WriteFile(filepath.Join(at, i.Path), data[i.Key], 0o644); err != nil {
			return "", err
		}
	}
	return at, nil
}

// here makes a text that names a place of the pod name the same place of this machine:
// a path below a volume that is not the scratch folder, or the port of a Service.
func (p *process) here(text string, paths map[string]string) string {
	for mount, local := range paths {
		if mount != "/tmp" && (text == mount || strings.HasPrefix(text, mount+"/")) {
			return local + text[len(mount):]
		}
	}
	if name, port, ok := strings.Cut(text, ":"); ok && name != "" && !strings.Contains(name, "/") {
		if _, err := p.node.o.Client.CoreV1().Services(p.pod.Namespace).Get(p.node.ctx, name, meta.GetOptions{}); err == nil {
			return "127.0.0.1:" + port
		}
	}
	return text
}

// expand replaces $(NAME) by the variable of that name where there is one, and $$ by $.
func expand(s string, env map[string]string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "$")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		s = after
		name, rest, closed := strings.Cut(s, ")")
		switch {
		case strings.HasPrefix(s, "$"):
			b.WriteByte('$')
			s = s[1:]
		case strings.HasPrefix(s, "(") && closed:
			if value, ok := env[name[1:]]; ok {
				b.WriteString(value)
			} else {
				b.WriteString("$" + name + ")")
			}
			s = rest
		default:
			b.WriteByte('$')
		}
	}
}
