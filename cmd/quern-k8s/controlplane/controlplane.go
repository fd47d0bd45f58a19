// Package controlplane starts the control plane of package harness for tests: etcd,
// kube-apiserver and kube-controller-manager as three processes on the loopback
// interface, with everything they write in one folder.
package controlplane

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Plane is a control plane at work.
type Plane struct {
	Folder string // logs of its parts; kubeconfig, with the contexts admin and submitter
	URL    string
	Took   time.Duration // until it answered
	parts  []*exec.Cmd
}

// The users that the API server knows, by token. Admin may do everything, Submitter what
// a Role gives it.
const (
	Admin     = "admin"
	Submitter = "submitter"
)

// Start starts a control plane from the program harness. folder is empty.
func Start(ctx context.Context, harness, folder string) (*Plane, error) {
	started := time.Now()
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	p := &Plane{Folder: folder, URL: fmt.Sprintf("https://127.0.0.1:%d", ports[2])}
	if err := p.write(); err != nil {
		return nil, err
	}
	etcd := fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	err = p.start(harness, "etcd", p.at("etcd"), etcd, fmt.Sprintf("http://127.0.0.1:%d", ports[1]))
	if err == nil {
		err = p.start(harness, "apiserver",
			"--etcd-servers="+etcd, "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", ports[2]),
			"--cert-dir="+p.at("certificates"), "--token-auth-file="+p.at("tokens"), "--authorization-mode=RBAC",
			"--service-account-issuer=https://quern.test", "--service-account-key-file="+p.at("key"), "--service-account-signing-key-file="+p.at("key"),
			"--service-cluster-ip-range=10.0.0.0/24", "--endpoint-reconciler-type=none", "--profiling=false")
	}
	if err == nil {
		err = p.wait(ctx)
	}
	if err == nil {
		err = p.start(harness, "controllers",
			"--kubeconfig="+p.at("kubeconfig"), "--leader-elect=false", "--secure-port=0", "--service-account-private-key-file="+p.at("key"),
			"--controllers=job-controller,ttl-after-finished-controller,garbage-collector-controller,serviceaccount-controller,pod-garbage-collector-controller,namespace-controller")
	}
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	p.Took = time.Since(started)
	return p, nil
}

func (p *Plane) at(name string) string { return filepath.Join(p.Folder, name) }

// write writes what the parts need: the key of service accounts, the users, and a
// configuration of clients.
func (p *Plane) write() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	config := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- {name: test, cluster: {server: %q, insecure-skip-tls-verify: true}}
users:
- {name: admin, user: {token: admin}}
- {name: submitter, user: {token: submitter}}
contexts:
- {name: admin, context: {cluster: test, user: admin, namespace: default}}
- {name: submitter, context: {cluster: test, user: submitter, namespace: default}}
current-context: admin
`, p.URL)
	return errors.Join(
		os.WriteFile(p.at("key"), pem.EncodeToMemory(block), 0o600),
		os.WriteFile(p.at("tokens"), []byte("admin,admin,1,system:masters\nsubmitter,submitter,2\n"), 0o600),
		os.WriteFile(p.at("kubeconfig"), []byte(config), 0o600))
}

// start starts a part, whose output goes to a file, and which ends with this process.
func (p *Plane) start(harness, part string, args ...string) error {
	log, err := os.Create(p.at(part + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c := exec.Command(harness, append([]string{part}, args...)...)
	c.Stdout, c.Stderr = log, log
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	p.parts = append(p.parts, c)
	return nil
}

// wait waits until the API server is ready.
func (p *Plane) wait(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	client, err := p.Client(Admin)
	if err != nil {
		return err
	}
	for {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready: %w\n%s", err, p.Tail("apiserver"))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Config is what a client of a user needs.
func (p *Plane) Config(user string) (*rest.Config, error) {
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: p.at("kubeconfig")},
		&clientcmd.ConfigOverrides{CurrentContext: user}).ClientConfig()
}

// Client returns a client of a user.
func (p *Plane) Client(user string) (*kubernetes.Clientset, error) {
	config, err := p.Config(user)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	return kubernetes.NewForConfig(config)
}

// Kubeconfig is the file for programs.
func (p *Plane) Kubeconfig() string { return p.at("kubeconfig") }

// Tail returns the last lines of a part's log.
func (p *Plane) Tail(part string) string {
	data, err := os.ReadFile(p.at(part + ".log"))
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
}

// Memory returns the most memory that each part has taken so far, in MiB.
func (p *Plane) Memory() map[string]int {
	parts := map[string]int{}
	for _, c := range p.parts {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(status), "VmHWM:")
		var kib int
		if _, err := fmt.Sscan(rest, &kib); err == nil {
			parts[c.Args[1]] = kib >> 10
		}
	}
	return parts
}

// Signal sends a signal to a part, such as SIGSTOP to make it unreachable.
func (p *Plane) Signal(part string, s syscall.Signal) error {
	for _, c := range p.parts {
		if c.Args[1] == part {
			return c.Process.Signal(s)
		}
	}
	return fmt.Errorf("no part %s", part)
}

// Stop ends all parts, the last first.
func (p *Plane) Stop() error {
	for i := len(p.parts) - 1; i >= 0; i-- {
		c := p.parts[i]
		c.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { c.Process.Kill() })
		c.Wait()
		kill.Stop()
	}
	p.parts = nil
	return nil
}

// freePorts returns ports of the loopback interface that nobody had a moment ago.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}
