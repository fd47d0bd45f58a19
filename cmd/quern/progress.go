package main

import (
	"fmt"
	"io"
	"time"

	"quern/cmd/quern/phrase"
	"quern/pipeline"
)

// progress shows how far a run is: on a terminal a line that is rewritten, from half
// a second on; elsewhere a line of its own every ten seconds.
type progress struct {
	out      io.Writer
	terminal bool
	started  time.Time
	last     time.Time // when it was shown last; zero: never
}

// step shows s if it is time for that.
func (p *progress) step(now time.Time, s pipeline.State) {
	if s.Title != "" {
		p.line(now, stateLine(s))
	}
}

// line shows a line if it is time for that.
func (p *progress) line(now time.Time, line string) {
	first, again := 10*time.Second, 10*time.Second
	if p.terminal {
		first, again = 500*time.Millisecond, 200*time.Millisecond
	}
	if now.Sub(p.started) < first || !p.last.IsZero() && now.Sub(p.last) < again {
		return
	}
	p.last = now
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[K"+line)
		return
	}
	fmt.Fprintln(p.out, line)
}

// end clears the line on a terminal.
func (p *progress) end() {
	if p.terminal && !p.last.IsZero() {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// stateLine writes a state: "fit, scan 1: 42 %, 1,234,567 rows".
func stateLine(s pipeline.State) string {
	if s.TotalBytes == 0 && s.Rows == 0 {
		return s.Title
	}
	percent := 0.0
	if s.TotalBytes > 0 {
		percent = 100 * float64(s.Bytes) / float64(s.TotalBytes)
	}
	return fmt.Sprintf("%s: %.0f %%, %s rows", s.Title, percent, phrase.Thousands(s.Rows))
}

// show shows the progress of p until the returned function is called.
func (a *app) show(p *pipeline.Progress) (stop func()) {
	if a.flags.quiet {
		return func() {}
	}
	return a.showEvery(100*time.Millisecond, func(shown *progress, now time.Time) { shown.step(now, p.State()) })
}

// showEvery calls step at an interval until the returned function is called.
func (a *app) showEvery(interval time.Duration, step func(shown *progress, now time.Time)) (stop func()) {
	shown := &progress{out: a.err, terminal: isTerminal(a.err), started: time.Now()}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				shown.end()
				return
			case now := <-tick.C:
				step(shown, now)
			}
		}
	}()
	return func() { close(done); <-ended }
}
