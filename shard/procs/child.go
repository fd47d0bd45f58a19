package procs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"quern/internal/failpoint"
)

// child is one process.
type child struct {
	seat     int // its number among the children
	command  *exec.Cmd
	in       io.WriteCloser
	talk     *tail
	task     *task // nil: idle
	since    time.Time
	answered bool // it has done something: it is no broken program
	ending   time.Time
	asked    bool   // SIGTERM was sent; a second one would not let it clean up
	killed   bool   // SIGKILL was sent
	fault    string // why it was ended; "": it was not
}

// report is what the goroutine of a child has to say: a line, or its end.
type report struct {
	from *child
	line []byte
	end  error // of Wait; with line nil
}

// starter starts processes, all from one thread: the kernel takes the end of the
// thread that started a process for the end of its parent.
type starter struct {
	wishes chan func()
	done   sync.WaitGroup
}

func newStarter() *starter {
	s := &starter{wishes: make(chan func())}
	s.done.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread() // or the thread would end with this goroutine, and with it the children
		for wish := range s.wishes {
			wish()
		}
	})
	return s
}

func (s *starter) start(c *exec.Cmd) (err error) {
	done := make(chan struct{})
	s.wishes <- func() { err = c.Start(); close(done) }
	<-done
	return err
}

func (s *starter) stop() {
	close(s.wishes)
	s.done.Wait()
}

// begin starts a child, whose reports go to the channel until its end, which is the
// last one.
func begin(s *starter, command *exec.Cmd, seat int, reports chan<- report) (*child, error) {
	c := &child{seat: seat, command: command, talk: &tail{}}
	command.SysProcAttr = attributes()
	command.Stderr = c.talk
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	failpoint.Point("failpoint:child.start.before")
	if err := s.start(command); err != nil {
		return nil, err
	}
	failpoint.Point("failpoint:child.start.after")
	c.in = in
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			reports <- report{from: c, line: append([]byte{}, lines.Bytes()...)}
		}
		if lines.Err() != nil { // a line without end; not read, it would block the child
			reports <- report{from: c, line: []byte("a line of more than a MiB")}
			io.Copy(io.Discard, out)
		}
		reports <- report{from: c, end: command.Wait()}
	}()
	return c, nil
}

// hand gives the child a task. False: it does not take it, because it is dead.
func (c *child) hand(t *task, now time.Time) bool {
	failpoint.Point("failpoint:shard.hand.before")
	line, err := json.Marshal(t.Descriptor)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return false
	}
	failpoint.Point("failpoint:shard.hand.after")
	c.task, c.since = t, now
	return true
}

// How a child is ended: its input ends, then it is asked, then it is killed.
const (
	askAfter  = 200 * time.Millisecond
	killAfter = 5 * time.Second
)

// end begins to end the child: at once by SIGTERM if it is not to finish what it does.
func (c *child) end(now time.Time, atOnce bool, fault string) {
	if !c.ending.IsZero() {
		return
	}
	c.ending, c.fault = now, fault
	c.in.Close()
	if atOnce {
		c.ending = now.Add(-askAfter)
		c.press(now)
	}
}

// press goes on ending the child if it is being ended.
func (c *child) press(now time.Time) {
	if c.ending.IsZero() || c.killed {
		return
	}
	switch passed := now.Sub(c.ending); {
	case passed >= killAfter:
		c.killed = true
		c.command.Process.Kill()
	case passed >= askAfter && !c.asked:
		c.asked = true
		c.command.Process.Signal(syscall.SIGTERM)
	}
}

// why says how a child ended, with its last words.
func (c *child) why(end error) string {
	text := "the process ended before it answered"
	switch {
	case c.fault != "":
		text = c.fault
	case end != nil:
		text = fmt.Sprintf("the process ended: %v", end)
	}
	if words := c.talk.String(); words != "" {
		text += "\n" + words
	}
	return text
}

// tail keeps the last lines that a child wrote to its standard error.
type tail struct {
	mu    sync.Mutex
	lines []string
	open  strings.Builder // the line that is not ended
}

// What is kept of a child's standard error.
const (
	tailLines = 20
	tailWidth = 1000
)

// Write takes all of b.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range b {
		if r == '\n' {
			t.lines = append(t.lines[max(0, len(t.lines)+1-tailLines):], t.open.String())
			t.open.Reset()
		} else if t.open.Len() < tailWidth {
			t.open.WriteByte(r)
		}
	}
	return len(b), nil
}

// String returns the lines.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.Join(t.lines, "\n") + "\n" + t.open.String())
}
