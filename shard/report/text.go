package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Summary writes what became of a job, a line per phase, and the failed and slowest
// shards.
func (r *Report) Summary(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "job      %s, %s\n", r.Job, r.State)
	if r.Started > 0 {
		took := "took " + Duration(r.Seconds)
		if r.State != Done {
			took = "last record after " + Duration(r.Seconds)
		}
		fmt.Fprintf(&b, "started  %s, %s\n", Instant(r.Started), took)
	}
	fmt.Fprintf(&b, "rows     %s\n", thousands(r.Rows))
	if n := len(r.Drivers); n > 0 {
		last := r.Drivers[n-1]
		fmt.Fprintf(&b, "driver   epoch %d since %s, %s\n", last.Epoch, Instant(last.Started), counted(n-1, "restart"))
	} else {
		b.WriteString("driver   none: the last worker of a phase closes it\n")
	}
	b.WriteString("\n")
	r.table(&b)
	for i := range r.Phases {
		r.Phases[i].troubles(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// table writes a line per phase.
func (r *Report) table(b *strings.Builder) {
	t := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "phase\tdoes\tshards\tdone\tfailed\topen\trows\trows/s\ttook\tmedian\tlongest\tworkers\tbusy\tlost")
	for i := range r.Phases {
		p := &r.Phases[i]
		does := "write"
		if p.Learns {
			does = "learn"
		}
		busy := "-"
		if p.Busy > 0 {
			busy = fmt.Sprintf("%.0f %%", 100*p.Busy)
		}
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%d\n", p.Number, does, p.Shards, p.Done, p.Failed, p.Open,
			thousands(p.Rows), thousands(int64(p.RowsRate)), Duration(p.Seconds), Duration(p.Median), Duration(p.Longest), p.Workers, busy, p.Lost)
	}
	t.Flush()
}

// shown is how many failed and slow shards of a phase a text names.
const shown = 10

// troubles writes the failed shards and the stragglers of a phase.
func (p *Phase) troubles(b *strings.Builder) {
	for i, f := range p.Failures {
		if i == shown {
			fmt.Fprintf(b, "phase %d: %d more failed\n", p.Number, len(p.Failures)-shown)
			break
		}
		fmt.Fprintf(b, "phase %d shard %d failed: %s\n", p.Number, f.Shard, f.Reason)
	}
	for i, s := range p.Stragglers {
		if i == shown {
			fmt.Fprintf(b, "phase %d: %d more stragglers\n", p.Number, len(p.Stragglers)-shown)
			break
		}
		on := ""
		if s.Worker != "" {
			on = " on " + s.Worker
		}
		fmt.Fprintf(b, "phase %d shard %d straggles%s: %s, %.1f x the median\n", p.Number, s.Shard, on, Duration(s.Seconds), s.Factor)
	}
}

// ChartOptions say how a chart in text looks.
type ChartOptions struct {
	Columns int  // of the terminal: brought into 80 to 200; 0: 100
	Lanes   int  // most lines of workers; 0: 40
	ASCII   bool // no other characters
}

// Chart writes which shard each worker was at, and when: a Gantt chart, a line per
// worker, or per group of workers if there are more than lines.
func (r *Report) Chart(w io.Writer, o ChartOptions) error {
	lanes := r.lanes()
	if len(lanes) == 0 {
		_, err := io.WriteString(w, "no shard is settled yet: nothing to draw\n")
		return err
	}
	if o.Columns == 0 {
		o.Columns = 100
	}
	if o.Lanes <= 0 {
		o.Lanes = 40
	}
	o.Columns = min(200, max(80, o.Columns))
	many := len(lanes) > o.Lanes
	lanes = grouped(lanes, o.Lanes)
	name := 0
	for i := range lanes {
		lanes[i].name = label(lanes[i].name, 24)
		name = max(name, len([]rune(lanes[i].name)))
	}
	columns := o.Columns - name - 2
	var b strings.Builder
	r.ruler(&b, name+2, columns)
	ink := inkOf(o.ASCII)
	for i := range lanes {
		line := fmt.Sprintf("%-*s  ", name, lanes[i].name)
		for _, c := range lanes[i].cells(r.Started, r.Ended, columns) {
			line += string(ink.of(c, many))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString(ink.legend(many) + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// ruler writes where the phases begin, and how long it all took.
func (r *Report) ruler(b *strings.Builder, left, columns int) {
	line := []rune(strings.Repeat(" ", columns))
	for i := range r.Phases {
		p := &r.Phases[i]
		if p.Started == 0 {
			continue
		}
		at := int(float64(p.Started-r.Started) / max(1, float64(r.Ended-r.Started)) * float64(columns))
		copy(line[min(at, columns-1):], []rune(fmt.Sprintf("|phase %d", p.Number)))
	}
	fmt.Fprintf(b, "%s0%*s\n", strings.Repeat(" ", left), columns-1, Duration(r.Seconds))
	fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", left), strings.TrimRight(string(line), " "))
}

// ink is the characters of a chart.
type ink struct {
	even, odd, idle  rune
	shades           []rune // of groups of workers, from hardly to fully busy
	failed, straggle rune
}

func inkOf(ascii bool) ink {
	if ascii {
		return ink{'#', '=', '.', []rune("-+*#"), 'x', '!'}
	}
	return ink{'█', '▓', '·', []rune("░▒▓█"), 'x', '!'}
}

// of returns the character of a cell.
func (k ink) of(c cell, many bool) rune {
	switch {
	case c.failed:
		return k.failed
	case many && c.busy > 0:
		return k.shades[min(len(k.shades)-1, int(c.busy*float64(len(k.shades))))]
	case c.straggle && c.busy > 0:
		return k.straggle
	case c.most > 0 && c.odd:
		return k.odd
	case c.most > 0:
		return k.even
	case c.within:
		return k.idle
	}
	return ' '
}

// legend explains the characters.
func (k ink) legend(many bool) string {
	if many {
		return fmt.Sprintf("%s share of a group's workers that are busy   %c a shard failed   %c idle", string(k.shades), k.failed, k.idle)
	}
	return fmt.Sprintf("%c %c shards in turn   %c straggler: more than %d x the median   %c failed   %c idle",
		k.even, k.odd, k.straggle, StragglerFactor, k.failed, k.idle)
}

// label cuts a name to so many cells of a terminal. Characters that may take two, or
// none, are replaced.
func label(name string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r >= 0x300 {
			return '?'
		}
		return r
	}, name))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most/2-1]) + ".." + string(runes[len(runes)-most/2+1:]) // both ends tell workers apart
}

// Instant writes a time of a report, in UTC; "-" where it is not known.
func Instant(micros int64) string {
	if micros == 0 {
		return "-"
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02 15:04:05Z")
}

// Duration writes seconds for people: three digits, then minutes and hours.
func Duration(seconds float64) string {
	whole := int64(seconds + 0.5)
	switch {
	case seconds <= 0:
		return "-"
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1e3)
	case seconds < 100:
		return fmt.Sprintf("%.3g s", seconds)
	case whole < 3600:
		return fmt.Sprintf("%d m %02d s", whole/60, whole%60)
	case whole < 48*3600:
		return fmt.Sprintf("%d h %02d m", whole/3600, whole/60%60)
	}
	return fmt.Sprintf("%d days %d h", whole/86400, whole/3600%24)
}

// thousands writes a number with commas.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// counted writes how many there are.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
