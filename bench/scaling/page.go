package main

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"quern/shard/simulate"
)

// filled returns the document with its tables written anew: each between <!-- name -->
// and <!-- /name -->.
func filled(page []byte, f *figures) ([]byte, error) {
	text := string(page)
	for name, table := range tables(f) {
		start, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, start)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return nil, fmt.Errorf("the document has no place for %s", name)
		}
		text = before + start + table + end + after
	}
	return []byte(text), nil
}

// tables returns the tables of the document by name.
func tables(f *figures) map[string]string {
	in := &f.in
	return map[string]string{"curve": curveTables(&f.curve), "stores": storeTable(in), "partials": partialTable(in), "heap": heapTable(in), "tasks": taskTable(in),
		"processes": processTable(&f.procs)}
}

// processTable writes what a job takes in one process and in several.
func processTable(p *processes) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s rows of %s, %s. Medians of %d runs each; before or after each of them is one in one process, and the last column is the median of the pairs' ratios.\n\n",
		whole(p.Rows), p.Workload, p.Source, len(p.Ways[0].Pairs))
	b.WriteString("| `quern run` | processor time | of which in the program, in the system | on the clock | more processor time than one process |\n|---|---:|---:|---:|---:|\n")
	line := func(name string, runs []took, more string) {
		fmt.Fprintf(&b, "| %s | %.2f s | %.2f, %.2f s | %.2f s | %s |\n", name, middleOf(runs, took.cpu), middleOf(runs, func(t took) float64 { return t.User }),
			middleOf(runs, func(t took) float64 { return t.System }), middleOf(runs, func(t took) float64 { return t.Wall }), more)
	}
	line("in one process", p.alone(), "-")
	for _, w := range p.Ways {
		line(fmt.Sprintf("`--procs %d`", w.Procs), w.runs(), fmt.Sprintf("%.0f %%", 100*w.more()))
	}
	b.WriteString("\n")
	return b.String()
}

// curveTables writes a table per series.
func curveTables(c *curve) string {
	var b strings.Builder
	for _, s := range c.Series {
		fmt.Fprintf(&b, "\n**%s**: %s.\n\n", strings.ToUpper(s.Name[:1])+s.Name[1:], s.Doc)
		b.WriteString("| workers | shards a phase | took | ideal | efficiency | waiting for the last shards | closing phases | calls/s | claims/s, most in a second | puts | gets | pages listed | merged | coordinator busy |\n")
		b.WriteString("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n")
		for _, p := range s.Points {
			fmt.Fprintf(&b, "| %s | %s | %s s | %s s | %.0f %% | %s s | %s s | %s | %s, %s | %s | %s | %s | %s | %s |\n", whole(p.Workers), whole(p.Shards),
				rounded(p.Makespan), rounded(p.Ideal), 100*p.Efficiency, rounded(p.Tail), rounded(p.Closing), rounded(p.Calls),
				rounded(p.Claims), whole(p.ClaimsPeak), whole(int(p.Puts)), whole(int(p.Gets)), whole(int(p.Pages)), size(p.Merged), busy(p))
		}
	}
	b.WriteString("\n")
	return b.String()
}

// busy is the share of the time that a coordinator computed; there may be none.
func busy(p *simulate.Scaled) string {
	if p.Busy == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2g %%", 100*p.Busy)
}

// storeTable writes what stores take.
func storeTable(in *inputs) string {
	var b strings.Builder
	b.WriteString("\n| store | put, p99 | get, p99 | page of a listing, p99 | most puts/s, gets/s | from where |\n|---|---:|---:|---:|---:|---|\n")
	for _, s := range in.Stores {
		limit := "-"
		if s.Costs.Puts > 0 {
			limit = fmt.Sprintf("%s, %s", whole(int(s.Costs.Puts)), whole(int(s.Costs.Gets)))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", s.Name, spread(s.Costs.Put), spread(s.Costs.Get), spread(s.Costs.List), limit, s.Source)
	}
	b.WriteString("\n")
	return b.String()
}

// spread writes median and 99th percentile.
func spread(s simulate.Spread) string {
	return fmt.Sprintf("%.3g, %.3g ms", s.Median/1e3, s.Median*math.Exp(2.326348*s.LogSD)/1e3)
}

// partialTable writes what partials take.
func partialTable(in *inputs) string {
	var b strings.Builder
	b.WriteString("\n| partial of the first scan | rows of the shard | bytes | decoding | merging |\n|---|---:|---:|---:|---:|\n")
	for _, p := range in.Partials {
		fmt.Fprintf(&b, "| %s | %s | %s | %.3g ms | %.3g ms |\n", p.Workload, whole(int(p.Rows)), size(float64(p.Bytes)), p.Decode/1e3, p.Merge/1e3)
	}
	b.WriteString("\n")
	return b.String()
}

// heapTable writes how a coordinator's heap grows.
func heapTable(in *inputs) string {
	var b strings.Builder
	b.WriteString("\n| shards settled of 10,000 | heap | of which the merged statistic | the rest |\n|---:|---:|---:|---:|\n")
	for _, h := range in.Coordinator.Heap {
		fmt.Fprintf(&b, "| %s | %.2f MiB | %.2f MiB | %.2f MiB |\n", whole(h.Shards), mib(h.Bytes), mib(h.Statistics), mib(h.Bytes-h.Statistics))
	}
	b.WriteString("\n")
	return b.String()
}

// taskTable writes what was assumed of tasks.
func taskTable(in *inputs) string {
	t := in.Tasks
	return fmt.Sprintf("\nMedian %.0f s; standard deviation of the logarithm %.3g (quiet) or %.3g (busy); %.0f %% of the shards take %.0f times as long. %s.\n\n",
		t.Quiet.Median/1e6, t.Quiet.LogSD, t.Busy.LogSD, 100*t.Straggle, t.StraggleBy, t.Source)
}

func mib(n int64) float64 { return float64(n) / (1 << 20) }

// size writes bytes.
func size(n float64) string {
	switch {
	case n >= 1e12:
		return fmt.Sprintf("%.3g TB", n/1e12)
	case n >= 1e9:
		return fmt.Sprintf("%.3g GB", n/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.3g MB", n/1e6)
	}
	return fmt.Sprintf("%.3g kB", n/1e3)
}

// whole writes a count with commas.
func whole(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// rounded writes three digits.
func rounded(x float64) string {
	if x >= 1000 {
		return whole(int(math.Round(x)))
	}
	return fmt.Sprintf("%.3g", x)
}

// drawing draws efficiency over workers, and below it how long phases took to close.
func drawing(c *curve) []byte {
	var b bytes.Buffer
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 640" width="860" height="640" font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="t d">` + "\n")
	b.WriteString("<title id=\"t\">How jobs scale, simulated</title>\n<desc id=\"d\">Efficiency and the time that closing phases takes, from 10 to 10,000 workers; the figures are in SCALING.md</desc>\n")
	b.WriteString("<style>text{fill:#1f2328}.soft{fill:#59636e}.line{stroke:#59636e}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}.line{stroke:#9198a1}}</style>\n")
	b.WriteString(`<text x="16" y="26" font-size="16" font-weight="600">Simulated: efficiency, and how long phases take to close after the last claim</text>` + "\n")
	colours := []string{"#0072b2", "#56b4e9", "#d55e00", "#009e73", "#cc79a7", "#999933"}
	for i, s := range c.Series {
		fmt.Fprintf(&b, `<circle cx="%d" cy="46" r="5" fill="%s"/><text x="%d" y="50">%s</text>`+"\n", 24+138*i, colours[i], 34+138*i, s.Name)
	}
	panel(&b, c, colours, 80, 320, 0, 1, func(p *simulate.Scaled) float64 { return p.Efficiency }, func(y float64) string { return fmt.Sprintf("%.0f %%", 100*y) }, 0.2)
	panel(&b, c, colours, 370, 600, -1, 3, func(p *simulate.Scaled) float64 { return math.Log10(max(0.1, p.Closing)) }, func(y float64) string { return fmt.Sprintf("%g s", math.Pow(10, y)) }, 1)
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// panel draws one chart between two heights, y from low to high.
func panel(b *bytes.Buffer, c *curve, colours []string, top, bottom, low, high float64, y func(*simulate.Scaled) float64, told func(float64) string, step float64) {
	px := func(workers int) float64 { return 80 + (math.Log10(float64(workers))-1)/3*740 }
	py := func(v float64) float64 { return bottom - (v-low)/(high-low)*(bottom-top) }
	for v := low; v <= high+1e-9; v += step {
		fmt.Fprintf(b, `<line class="line" x1="80" y1="%.1f" x2="820" y2="%.1f" stroke-opacity="0.25"/><text class="soft" x="72" y="%.1f" text-anchor="end">%s</text>`+"\n", py(v), py(v), py(v)+4, told(v))
	}
	for _, workers := range []int{10, 100, 1000, 10_000} {
		anchor := "middle"
		if workers == 10_000 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<text class="soft" x="%.1f" y="%.1f" text-anchor="%s">%s workers</text>`+"\n", px(workers), bottom+18, anchor, whole(workers))
	}
	for i, s := range c.Series {
		var at []string
		for _, p := range s.Points {
			at = append(at, fmt.Sprintf("%.1f,%.1f", px(p.Workers), py(y(p))))
		}
		fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(at, " "), colours[i])
		for j, p := range s.Points {
			x, yy, _ := strings.Cut(at[j], ",")
			fmt.Fprintf(b, `<circle cx="%s" cy="%s" r="3.5" fill="%s"><title>%s, %s workers: %.0f %%, %s s to close</title></circle>`+"\n",
				x, yy, colours[i], s.Name, whole(p.Workers), 100*p.Efficiency, rounded(p.Closing))
		}
	}
}
