package main

import (
	"fmt"
	"time"

	"quern/cmd/quern/phrase"
	"quern/shard/core"
	"quern/shard/report"
)

// showDesk shows how far a job is until the returned function is called.
func (a *app) showDesk(d *desk) (stop func()) {
	if a.flags.quiet {
		return func() {}
	}
	at, told := &pace{}, far{}
	return a.showEvery(200*time.Millisecond, func(shown *progress, now time.Time) {
		p := d.far()
		if p.Shards == 0 || p == told && !shown.terminal { // in a log, waiting is not news
			return
		}
		last := shown.last
		shown.line(now, at.line(now, p))
		if shown.last != last {
			told = p
		}
	})
}

// pace is how fast a coordinator's phase goes on, from when this process first saw it:
// what was settled before says nothing of those who work now.
type pace struct {
	since time.Time // zero: no phase was seen yet
	then  far
}

// line says how far a phase is: "fit, scan 1: 17 of 40 shards, 1,234,567 rows, 98,765
// rows/s, about 12 s left".
func (t *pace) line(now time.Time, p far) string {
	if t.since.IsZero() || t.then.Phase != p.Phase {
		t.since, t.then = now, p
	}
	line := fmt.Sprintf("%s: %d of %d shards", phaseTitle(p.Progress), p.Settled, p.Shards)
	if p.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Failed)
	}
	line += fmt.Sprintf(", %s rows", phrase.Thousands(p.rows))
	settled, passed := p.Settled-t.then.Settled, now.Sub(t.since)
	if settled == 0 || passed <= 0 {
		return line
	}
	return line + fmt.Sprintf(", %s rows/s", phrase.Thousands(int64(float64(p.rows-t.then.rows)/passed.Seconds()))) + leftOf(p.Progress, settled, passed)
}

// leftOf says how long a phase still takes if it goes on as it did: so many shards in some
// time. Nothing if none is left.
func leftOf(p core.Progress, settled uint32, passed time.Duration) string {
	left := passed.Seconds() / float64(settled) * float64(p.Shards-p.Settled)
	if left <= 0 {
		return ""
	}
	return fmt.Sprintf(", about %s left", report.Duration(left))
}

// phaseTitle names a phase as a run in one process does.
func phaseTitle(p core.Progress) string {
	if p.Learns {
		return fmt.Sprintf("fit, scan %d", p.Phase+1)
	}
	return "transform"
}
