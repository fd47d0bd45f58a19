package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestCoordinator: a coordinator in a pod of its own, behind a Service, with certificates
// that are made for the job; and killed.
func TestCoordinator(t *testing.T) {
	for _, killed := range []bool{false, true} {
		name := "lives"
		if killed {
			name = "dies"
		}
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 5)
			c := s.submit("--coordinator")
			var said bytes.Buffer
			c.Stdout, c.Stderr = &said, &said
			started := time.Now()
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			if killed {
				s.until("a shard is done", time.Minute, func() bool { return s.tries(0, 0)+s.tries(0, 1)+s.tries(0, 2) > 0 })
				if !s.killCoordinator() {
					t.Error("there was no coordinator to kill")
				}
			}
			if err := c.Wait(); err != nil {
				t.Fatalf("%v\n%s", err, &said)
			}
			s.note(started, "with a coordinator, which "+name)
			s.same()
			if n := len(s.runs()); n > 8+2 {
				t.Errorf("%d pods for 4 shards, 2 phases and 2 coordinators", n)
			}
			jobs := s.coordinators()
			if want := 1; len(jobs) < want || killed && len(jobs) < 2 {
				t.Errorf("coordinators %v", jobs)
			}
			secrets, err := s.client.CoreV1().Secrets(s.namespace).List(t.Context(), meta.ListOptions{LabelSelector: "app.kubernetes.io/name=quern"})
			if err != nil || len(secrets.Items) != 0 {
				t.Errorf("secrets that are left: %v %v", secrets, err)
			}
			if _, err := s.client.CoreV1().Services(s.namespace).Get(t.Context(), jobs[0], meta.GetOptions{}); !api.IsNotFound(err) {
				t.Errorf("the service is left: %v", err)
			}
		})
	}
}

// killCoordinator kills the coordinator's process, if there is one.
func (s *scene) killCoordinator() bool {
	for _, r := range s.node.Running() {
		if r.Namespace == s.namespace && strings.HasSuffix(r.Job, "-coordinator") {
			return s.node.Signal(r.Pod, syscall.SIGKILL)
		}
	}
	return false
}

// coordinators returns the Job of every coordinator that has ended or runs.
func (s *scene) coordinators() (jobs []string) {
	s.until("the coordinator has ended", 30*time.Second, func() bool {
		for _, r := range s.node.Running() {
			if r.Namespace == s.namespace && strings.HasSuffix(r.Job, "-coordinator") {
				return false
			}
		}
		return true
	})
	for _, r := range s.runs() {
		if strings.HasSuffix(r.Job, "-coordinator") {
			jobs = append(jobs, r.Job)
		}
	}
	return jobs
}
