//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// certificates does a job over TLS, at an address that is not loopback where this machine
// has one, with the files that `quern certs` makes.
func certificates(t *testing.T, s *scene) {
	host := outside()
	if code, talk := s.run("certs", "certs", "--host", host, "--shards", "0-1"); code != 0 {
		t.Fatal(code, talk)
	}
	if code, talk := s.run("certs", "certs", "--host", host, "--shards", "0-1"); code != 0 { // with the authority that is there
		t.Fatal(code, talk)
	}
	info, err := os.Stat(filepath.Join(s.dir, "certs", "authority", "tls.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the authority's key: %v %v", info, err)
	}
	files := func(who string) []string {
		return []string{"--tls-cert", "certs/" + who + "/tls.crt", "--tls-key", "certs/" + who + "/tls.key", "--tls-ca", "certs/" + who + "/ca.crt"}
	}
	if code, talk := s.run("coordinator", "recipe.yaml", "--listen", host+":0"); host != "127.0.0.1" && (code == 0 || !strings.Contains(talk, "TLS")) {
		t.Errorf("in the open without TLS: %d %s", code, talk)
	}
	c := s.coordinator(t, append([]string{"recipe.yaml", "--shards", "2", "--listen", host + ":0"}, files("coordinator")...)...)
	if c.Token != "" {
		t.Errorf("a token beside certificates: %q", c.Token)
	}
	for phase := range 2 {
		for shard := range 2 {
			a := s.task(t, nil, append([]string{"--job", c.Job, "--coordinator", c.Address, "--phase", strconv.Itoa(phase), "--shard", strconv.Itoa(shard)}, files("worker")...)...)
			if a.Code != 0 {
				t.Errorf("%+v", a)
			}
		}
	}
	if c.Wait(); c.ProcessState.ExitCode() != 0 {
		t.Errorf("the coordinator ends with %d: %s", c.ProcessState.ExitCode(), c.talk)
	}
	os.RemoveAll(filepath.Join(s.dir, "certs"))
	s.checkMade(t, "over TLS")
}

// outside returns an address of this machine that others could reach, or loopback if it
// has none.
func outside() string {
	addresses, _ := net.InterfaceAddrs()
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && ip.IP.To4() != nil {
			return ip.IP.String()
		}
	}
	return "127.0.0.1"
}

func TestCertsMistakes(t *testing.T) {
	for _, args := range []string{"certs", "certs x", "certs x --host a --shards 1-x", "certs x --host a --job 12", "certs x --host a --life -1h"} {
		var out, talk strings.Builder
		if code := newApp(&out, &talk).run(t.Context(), strings.Fields(args)); code != 2 {
			t.Errorf("%s: exit code %d: %s", args, code, &talk)
		}
	}
}

// readmeProcesses runs the commands that the README shows for several processes.
func readmeProcesses(t *testing.T, s *scene) {
	_, section, ok := strings.Cut(readText(t, "../../README.md"), "## More than one machine")
	if !ok {
		t.Fatal("the README has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	ran := 0
	for line := range strings.Lines(section) {
		command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ build/quern ")
		if !ok {
			continue
		}
		ran++
		command = strings.ReplaceAll(command, "examples/flights/", "")
		if code, talk := s.run(strings.Fields(command)...); code != 0 {
			t.Errorf("%s: %d %s", command, code, talk)
		}
	}
	if ran < 2 {
		t.Errorf("%d commands found", ran)
	}
	s.checkMade(t, "the README's commands")
}
