//go:build linux

package chaos

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestFullDisk gives a run too little room, at several sizes. Nothing is half there; a run
// that is told to stop does; with room it goes on, as does the next one; and it says what
// is wrong when it gives up.
func TestFullDisk(t *testing.T) {
	b := begin(t)
	t.Parallel()
	sizes := []string{"200k", "450k", "700k"}
	if long() {
		sizes = append(sizes, "32k", "64k", "128k", "300k", "400k", "500k", "600k", "800k", "900k", "1m", "1100k")
	}
	for _, size := range sizes {
		for what, then := range map[string]func(*testing.T, *scene, *process){"stop": stopFull, "room": giveRoom, "wait": waitFull} {
			t.Run(size+" "+what, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, b)
				s.mount(t, "size="+size)
				p := s.start(t, runIt())
				var disk unix.Statfs_t
				for end := time.Now().Add(20 * time.Second); p.alive() && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
					if err := unix.Statfs(s.root, &disk); err == nil && disk.Bavail*uint64(disk.Bsize) < 64<<10 {
						break
					}
				}
				time.Sleep(time.Second)
				s.visible(t, "on a full disk")
				then(t, s, p)
				s.recover(t, "with room")
			})
		}
	}
}

// widen makes room.
func (s *scene) widen(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,size=200m", s.root).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// stopFull stops a run that has no room.
func stopFull(t *testing.T, s *scene, p *process) {
	p.Process.Signal(syscall.SIGTERM)
	if code := p.wait(t, 15*time.Second); code != 0 && code != 1 && code != 4 {
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
	s.widen(t)
}

// giveRoom has a run go on.
func giveRoom(t *testing.T, s *scene, p *process) {
	s.widen(t)
	if code := p.wait(t, 2*time.Minute); code != 0 && !(code == 4 && p.said("no space left")) {
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
}

// waitFull waits until a run gives up.
func waitFull(t *testing.T, s *scene, p *process) {
	if code := p.wait(t, 20*time.Second); code != 0 && (code != 4 || !p.said("Q432") || !p.said("no space left")) {
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
	s.widen(t)
}

// mount mounts a tmpfs where the outputs go, or skips the test.
func (s *scene) mount(t *testing.T, options string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if err := os.MkdirAll(s.root, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", s.root).CombinedOutput(); err != nil {
		t.Skipf("no tmpfs here: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", s.root).Run() })
}

// damages are what becomes of a file.
func damages() map[string]func([]byte) []byte {
	return map[string]func([]byte) []byte{
		"flipped": func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"cut":     func(b []byte) []byte { return b[:len(b)*2/3] },
		"empty":   func([]byte) []byte { return nil },
		"longer":  func(b []byte) []byte { return append(b, 0) },
	}
}

// TestDamagedLog damages each kind of file in the log of a job that was killed, before the
// file is needed again. The next run either says which file is damaged or does the work
// again, and readers never see wrong bytes.
func TestDamagedLog(t *testing.T) {
	b := begin(t)
	t.Parallel()
	for _, c := range []struct{ file, killed string }{
		{"phase-0/file/*.0", "fitted.put.before"},
		{"phase-0/claim/*", "fitted.put.before"},
		{"phase-0/state.*", "claim.put.before:8"},
		{"phase-0/fitted", "claim.put.before:8"},
		{"phase-2/state.*", "claim.put.before:20"},
		{"phase-3/file/*", "manifest.compose.before"},
		{"document.*", "manifest.put.after"},
		{"manifest", "manifest.put.after"},
		{"epoch/*", "fitted.put.before"},
		{"plan", "fitted.put.before"},
	} {
		for how, damage := range damages() {
			if !long() && (how != "flipped" && strings.HasSuffix(c.file, "*.0") || strings.Contains(c.file, "state") || how == "longer" || how == "cut") {
				continue // those that a run tries for a while, or that are like others
			}
			t.Run(strings.ReplaceAll(c.file, "/", " ")+" "+how, func(t *testing.T) {
				t.Parallel()
				damaged(t, newScene(t, b), c.file, c.killed, damage)
			})
		}
	}
}

func damaged(t *testing.T, s *scene, file, point string, damage func([]byte) []byte) {
	p := s.start(t, runIt("QUERN_FAILPOINT=failpoint:"+point))
	p.wait(t, time.Minute)
	if !p.killed() {
		t.Fatalf("the run ends with %d at %s: %s", p.code(), point, p.talk)
	}
	s.alone(t, point)
	found, err := filepath.Glob(filepath.Join(s.root, "_quern", "jobs", "*", file))
	if err != nil || len(found) == 0 {
		t.Fatalf("there is no %s", file)
	}
	name := found[len(found)/2]
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	// A new file: the old one may have another name, as a finished part that nobody damages.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	data = damage(data)
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	p = s.start(t, runIt())
	code := p.wait(t, 12*time.Minute)
	s.alone(t, "after the damage")
	s.visible(t, "after the damage")
	t.Logf("after %v the run ends with %d: %.400s", time.Since(began).Round(time.Millisecond), code, p.talk)
	short, _ := filepath.Rel(s.root, name)
	switch code {
	case 0:
		if after, err := os.ReadFile(name); err == nil && !bytes.Equal(after, data) {
			t.Errorf("%s was overwritten", short)
		}
	case 1, 4:
		if !p.said(filepath.Base(name)) && !p.said("damaged") && !p.said("other bytes") {
			t.Errorf("it does not say what is wrong: %s", p.talk)
		}
	default:
		t.Errorf("the run ends with %d", code)
	}
	if text := p.talk.String(); strings.Contains(text, "panic") || strings.Contains(text, "bug") {
		t.Errorf("it says %s", text)
	}
}
