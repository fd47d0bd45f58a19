//go:build unix

package store_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quern/pipeline/store"
)

// TestMain lets the test binary play other processes: see child.
func TestMain(m *testing.M) {
	if root := os.Getenv("QUERN_STORE_CHILD"); root != "" {
		os.Exit(child(root, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// child is another process: "put NAME TEXT" says won or lost, "hold" takes the lock,
// starts an attempt, says so, and waits to be killed, "sync NAME" makes an object durable
// as somebody who is not root.
func child(root string, args []string) int {
	s, err := store.NewLocal(root)
	if err != nil {
		return 1
	}
	switch args[0] {
	case "put":
		err := put(s, args[1], strings.Repeat(args[2], 1000))
		switch {
		case err == nil:
			fmt.Print("won")
		case errors.Is(err, store.ErrExists):
			fmt.Print("lost")
		default:
			fmt.Print(err)
		}
	case "hold":
		_, err := s.Lock(context.Background())
		w, err2 := s.Create(context.Background(), "part")
		if err = errors.Join(err, err2); err == nil {
			io.WriteString(w, "half")
		}
		fmt.Println("held", err)
		time.Sleep(time.Minute)
	case "sync":
		if os.Geteuid() == 0 {
			if err := syscall.Setuid(65534); err != nil {
				return 2
			}
		}
		if err := s.Sync(context.Background(), args[1:]); err != nil {
			fmt.Print(err)
			return 3
		}
	}
	return 0
}

func start(t *testing.T, root string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "QUERN_STORE_CHILD="+root)
	return c
}

func TestOneProcessWins(t *testing.T) {
	s, root := newStore(t)
	var commands []*exec.Cmd
	var outputs []*strings.Builder
	for i := range 8 {
		c, out := start(t, root, "put", "object", fmt.Sprint(i)), &strings.Builder{}
		c.Stdout = out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		commands, outputs = append(commands, c), append(outputs, out)
	}
	winner := -1
	for i, c := range commands {
		if err := c.Wait(); err != nil {
			t.Fatal(err)
		}
		switch out := outputs[i].String(); {
		case out == "won" && winner < 0:
			winner = i
		case out != "lost":
			t.Errorf("process %d: %s", i, out)
		}
	}
	if winner < 0 || get(t, s, "object") != strings.Repeat(fmt.Sprint(winner), 1000) {
		t.Errorf("winner %d, but the object is another's", winner)
	}
}

// TestLockEndsWithItsProcess kills a process that holds the lock, and takes it over:
// its attempt is removed.
func TestLockEndsWithItsProcess(t *testing.T) {
	s, root := newStore(t)
	c := start(t, root, "hold")
	out, _ := c.StdoutPipe()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "held <nil>\n" {
		t.Fatalf("the child says %q", line)
	}
	if _, err := s.Lock(context.Background()); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a held lock: %v", err)
	}
	attempts := filepath.Join(root, "_quern", "attempts")
	if left, _ := os.ReadDir(attempts); len(left) != 1 {
		t.Errorf("attempts while the child writes: %v", left)
	}
	c.Process.Kill()
	c.Wait()
	unlock, err := s.Lock(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(attempts); len(left) != 0 {
		t.Errorf("attempts of the dead: %v", left)
	}
	unlock()
	if left, _ := os.ReadDir(root); len(left) != 0 {
		t.Errorf("unlocking left %v", left)
	}
}

// TestLockIsExclusive takes turns among goroutines that all want the lock.
func TestLockIsExclusive(t *testing.T) {
	s, _ := newStore(t)
	holders, taken := make(chan struct{}, 1), make(chan bool, 400)
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 100 {
				unlock, err := s.Lock(context.Background())
				if errors.Is(err, store.ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				select {
				case holders <- struct{}{}:
				default:
					t.Error("two holders")
				}
				taken <- true
				<-holders
				unlock()
			}
		}()
	}
	for range 4 {
		<-done
	}
	if len(taken) == 0 {
		t.Error("nobody ever got the lock")
	}
}

func TestPipesAreNotOpened(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Skip("no pipes here: ", err)
	}
	if _, err := store.OpenFile(pipe); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("opened a pipe: %v", err) // it would have waited for a writer
	}
}

// TestPermissionsAreTheUsers checks that published files can be read as any other
// file that the user makes.
func TestPermissionsAreTheUsers(t *testing.T) {
	s, root := newStore(t)
	if err := put(s, "x", "text"); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(root, "plain")
	os.WriteFile(plain, nil, 0o666)
	want, _ := os.Stat(plain)
	if got, _ := os.Stat(filepath.Join(root, "x")); got.Mode() != want.Mode() {
		t.Errorf("mode %v, want %v", got.Mode(), want.Mode())
	}
}

// TestFoldersAreSynced: a name is durable when the folder that holds it is, and that
// folder's own name, up to the root. A folder that may be entered and not read, which
// nobody can sync, tells whether it was tried.
func TestFoldersAreSynced(t *testing.T) {
	s, root := newStore(t)
	if err := put(s, "a/b/object", "text"); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(root, "..", "..", ".."), 0o755); err != nil { // which testing keeps to itself
		t.Fatal(err)
	}
	if out, err := start(t, root, "sync", "a/b/object").CombinedOutput(); err != nil {
		t.Skipf("nobody else may read here: %v %s", err, out)
	}
	for _, folder := range []string{filepath.Join(root, "a", "b"), filepath.Join(root, "a"), root} {
		if err := os.Chmod(folder, 0o111); err != nil {
			t.Fatal(err)
		}
		if out, err := start(t, root, "sync", "a/b/object").CombinedOutput(); err == nil || !strings.Contains(string(out), folder+": permission denied") {
			t.Errorf("%s was not synced: %v %s", folder, err, out)
		}
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// allocated returns how many bytes of the disk a file takes.
func allocated(t *testing.T, path string) int64 {
	var info syscall.Stat_t
	if err := syscall.Stat(path, &info); err != nil {
		t.Fatal(err)
	}
	return info.Blocks * 512
}
