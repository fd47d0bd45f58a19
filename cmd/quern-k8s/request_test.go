package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/k8s"
	"quern/shard/record"
)

// ask has the program do a request, as if quern had started it.
func ask(t *testing.T, r k8s.Request) (code int, said string) {
	t.Helper()
	line, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	in, out := io.Pipe()
	go out.Write(append(line, '\n')) // and it stays open
	var all bytes.Buffer
	code = serve(t.Context(), in, &all, &all)
	out.Close()
	return code, all.String()
}

// begun makes a job whose plan is in its log.
func begun(t *testing.T) k8s.Options {
	t.Helper()
	root := t.TempDir()
	plan := record.Plan{Phase: record.Phase{Learns: true, Shards: 3}, Document: "manifest"}
	data, id := plan.Encode()
	st, err := store.NewLocal(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := commitlog.New(st).Put(t.Context(), record.NamesOf(id).Plan(), data); err != nil {
		t.Fatal(err)
	}
	o := k8s.Defaults()
	o.ID, o.Job, o.Image, o.Namespace = id, root+"/"+strings.TrimSuffix(record.NamesOf(id).Prefix(), "/"), "quern", "here"
	return o
}

// TestNoCluster: what keeps a command from its cluster is said at once, with exit code 4.
func TestNoCluster(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	l.Close()
	folder := t.TempDir()
	write := func(name, server string) string {
		path := filepath.Join(folder, name)
		text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: %q}}]\nusers: [{name: u, user: {}}]\n", server)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	o := begun(t)
	for _, c := range []struct{ config, context, says string }{
		{write("closed", "https://"+closed), "", "refused"},
		{write("closed", "https://"+closed), "other", `"other" does not exist`},
		{write("odd", "ftp://%"), "", "Q540"},
		{filepath.Join(folder, "nothing"), "", "nothing: no such file"},
	} {
		for _, verb := range []k8s.Verb{k8s.Submit, k8s.Status, k8s.Logs, k8s.Delete} {
			code, said := ask(t, k8s.Request{Verb: verb, Options: o, Kubeconfig: c.config, Context: c.context})
			if code != int(diag.Unavailable) || !strings.Contains(said, c.says) || !strings.Contains(said, "Q540") {
				t.Errorf("%s, %s: exit code %d\n%s", verb, c.config, code, said)
			}
		}
	}
}

func TestBadRequests(t *testing.T) {
	for _, line := range []string{"", "\n", "{\n", `{"Verb": 1}` + "\n", "[]\n"} {
		var said bytes.Buffer
		if code := serve(t.Context(), strings.NewReader(line), &said, &said); code != 2 || !strings.Contains(said.String(), "quern k8s --help") {
			t.Errorf("%q: exit code %d\n%s", line, code, &said)
		}
	}
	if code, said := ask(t, k8s.Request{Verb: "fly", Kubeconfig: "/nothing"}); code != 4 {
		t.Errorf("exit code %d\n%s", code, said)
	}
}

// TestWhoeverAskedIsGone: the end of the input ends the request.
func TestWhoeverAskedIsGone(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	path := filepath.Join(t.TempDir(), "config")
	text := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: \"http://%s\"}}]\nusers: [{name: u, user: {}}]\n", l.Addr())
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(k8s.Request{Verb: k8s.Status, Options: begun(t), Kubeconfig: path})
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if code := serve(t.Context(), strings.NewReader(string(line)+"\n"), &said, &said); code != 1 || said.String() != "interrupted\n" {
		t.Errorf("exit code %d\n%s", code, &said)
	}
}

func TestPassing(t *testing.T) {
	what := schema.GroupResource{Resource: "jobs"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		{api.NewServiceUnavailable("x"), true},
		{api.NewTooManyRequests("x", 1), true},
		{api.NewInternalError(errors.New("x")), true},
		{api.NewConflict(what, "x", errors.New("x")), true},
		{api.NewForbidden(what, "x", errors.New("x")), false},
		{api.NewNotFound(what, "x"), false},
		{api.NewUnauthorized("x"), false},
		{errors.New("x"), false},
	} {
		if got := passing(c.err); got != c.want {
			t.Errorf("%v: %v", c.err, got)
		}
	}
}

func TestEndings(t *testing.T) {
	terminated := func(code int32, reason string) core.PodStatus {
		return core.PodStatus{Phase: core.PodFailed, ContainerStatuses: []core.ContainerStatus{{State: core.ContainerState{
			Terminated: &core.ContainerStateTerminated{ExitCode: code, Reason: reason}}}}}
	}
	for _, c := range []struct {
		status core.PodStatus
		want   string
	}{
		{terminated(137, "OOMKilled"), "exit code 137, OOMKilled"},
		{terminated(75, "Error"), "exit code 75"},
		{core.PodStatus{Phase: core.PodPending, ContainerStatuses: []core.ContainerStatus{{State: core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}}, "ImagePullBackOff"},
		{core.PodStatus{Phase: core.PodFailed, Reason: "Evicted"}, "Failed Evicted"},
		{core.PodStatus{Phase: core.PodPending}, "Pending"},
	} {
		if got := (pod{&core.Pod{Status: c.status}}).ending(); !strings.HasSuffix(got, ": "+c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// FuzzYAML has another library read what is rendered: anything in the places of texts.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"", "null", "~", "0x1F", "1e3", "yes", "a: b", "- a", "#", "'", "\"", "\\", "$(A)", "\n", " a ", "\t", "---", "é\u2028", "\x7f", "\ufeff", "1:20", ".inf", "=", "<<", "0o7", "1_000", "2001-01-01", "!a", "&a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		o := k8s.Defaults()
		o.Job, o.Image, o.Flags, o.Env = s+"x", "quern", []string{s}, []k8s.Pair{{Name: "A", Value: s}}
		text, err := o.Phase(record.Phase{Shards: 9})
		if err != nil {
			return // FuzzText of package k8s knows which
		}
		var job batch.Job
		if err := yaml.UnmarshalStrict(text, &job); err != nil {
			t.Fatalf("%q: %v\n%s", s, err, text)
		}
		c := job.Spec.Template.Spec.Containers[0]
		want := strings.ReplaceAll(s, "$(", "$$(")
		if c.Args[2] != want+"x" || c.Args[len(c.Args)-1] != want || c.Env[0].Value != want || job.Annotations["quern.dev/uri"] != s+"x" {
			t.Errorf("%q became %q, %q", s, c.Args, c.Env)
		}
	})
}
