package report

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// The drawing's measures, in pixels, and when it becomes one of groups.
const (
	svgWidth  = 960
	svgLeft   = 170
	svgChart  = 770 // width of the chart itself
	svgTop    = 92
	svgMost   = 64   // lanes
	svgEach   = 2000 // shards that are drawn one by one
	svgPieces = 192  // columns of a chart of groups
)

// SVG draws which shard each worker was at, and when. It is readable on light and on
// dark ground, has a title and a description, and no script. Up to 2,000 shards are bars
// of their own that name themselves; more are drawn as how busy groups of workers were,
// so that the file stays small however many there are.
func (r *Report) SVG(w io.Writer) error {
	all := r.lanes()
	lanes := grouped(all, svgMost)
	shards := 0
	for i := range r.Phases {
		shards += len(r.Phases[i].Tasks)
	}
	step := max(8, min(22, 900/max(1, len(lanes))))
	height := svgTop + step*len(lanes) + 56
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="t d">`+"\n",
		svgWidth, height, svgWidth, height)
	fmt.Fprintf(&b, "<title id=\"t\">Job %s: shards by worker</title>\n<desc id=\"d\">%s</desc>\n", r.Job, escaped(r.sentence(len(all), shards)))
	b.WriteString("<style>text{fill:#1f2328}.soft{fill:#59636e}.line{stroke:#59636e}.gap{fill:#59636e;fill-opacity:.12}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}.line{stroke:#9198a1}.gap{fill:#9198a1;fill-opacity:.15}}" +
		".a{fill:#0072b2}.b{fill:#56b4e9}.s{fill:#e69f00}.f{fill:#d55e00}</style>\n")
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="16" font-weight="600">Job %s, %s</text>`+"\n", r.Job[:min(12, len(r.Job))], r.State)
	fmt.Fprintf(&b, `<text x="16" y="46" class="soft">%s</text>`+"\n", escaped(r.sentence(len(all), shards)))
	r.svgAxis(&b, svgTop+step*len(lanes))
	each := len(all) <= svgMost && shards <= svgEach
	for i := range lanes {
		y := svgTop + step*i
		if step >= 10 || i%2 == 0 {
			fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" font-size="10" class="soft">%s</text>`+"\n", svgLeft-8, y+step-4, escaped(label(lanes[i].name, 26)))
		}
		if each {
			r.svgBars(&b, &lanes[i], y, step-2)
		}
	}
	if !each {
		r.svgShades(&b, lanes, step)
	}
	svgLegend(&b, height-12, each)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// sentence says in words what the drawing shows.
func (r *Report) sentence(workers, shards int) string {
	failed, slow, lost := 0, 0, 0
	for i := range r.Phases {
		p := &r.Phases[i]
		failed, slow, lost = failed+p.Failed, slow+len(p.Stragglers), lost+p.Lost
	}
	return fmt.Sprintf("%s, %s, %s, %s, %s, %s, %s",
		counted(len(r.Phases), "phase"), counted(shards, "settled shard"), counted(workers, "worker"), Duration(r.Seconds),
		counted(slow, "straggler"), fmt.Sprintf("%d failed", failed), counted(lost, "lost attempt"))
}

// x returns where an instant is.
func (r *Report) x(at int64) float64 {
	return svgLeft + float64(at-r.Started)/max(1, float64(r.Ended-r.Started))*svgChart
}

// svgAxis draws where phases and drivers begin, and a scale of time.
func (r *Report) svgAxis(b *strings.Builder, bottom int) {
	for i := range r.Phases {
		if p := &r.Phases[i]; p.Started > 0 {
			fmt.Fprintf(b, `<line class="line" x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke-opacity="0.5"/><text x="%.1f" y="%d" font-size="11">phase %d</text>`+"\n",
				r.x(p.Started), svgTop-18, r.x(p.Started), bottom, r.x(p.Started)+3, svgTop-8-12*(i%2), p.Number)
		}
	}
	for i := 1; i < min(len(r.Drivers), 50); i++ {
		if d := r.Drivers[i]; d.Started > 0 {
			fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#cc79a7" stroke-dasharray="3 3"><title>coordinator of epoch %d starts</title></line>`+"\n",
				r.x(d.Started), svgTop-4, r.x(d.Started), bottom, d.Epoch)
		}
	}
	seconds := float64(r.Ended-r.Started) / 1e6
	unit := 1e-3
	for _, u := range []float64{1e-3, 1e-2, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400, 604800} {
		unit = u
		if seconds/u <= 10 {
			break
		}
	}
	unit *= max(1, math.Ceil(seconds/unit/10))
	for i := 0; float64(i)*unit <= seconds; i++ {
		told := "0"
		if i > 0 {
			told = Duration(float64(i) * unit)
		}
		x := r.x(r.Started + int64(float64(i)*unit*1e6))
		fmt.Fprintf(b, `<line class="line" x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke-opacity="0.25"/><text class="soft" x="%.1f" y="%d" text-anchor="middle" font-size="10">%s</text>`+"\n",
			x, svgTop, x, bottom+4, x, bottom+16, told)
	}
}

// svgBars draws a bar per shard, which tells what it is when it is pointed at.
func (r *Report) svgBars(b *strings.Builder, l *lane, y, height int) {
	first, last := r.x(l.bars[0].from), r.x(l.bars[len(l.bars)-1].to)
	fmt.Fprintf(b, `<rect class="gap" x="%.1f" y="%d" width="%.1f" height="%d"/>`+"\n", first, y, max(1, last-first), height)
	for i, t := range l.bars {
		class := [2]string{"a", "b"}[i%2]
		told := Duration(t.seconds())
		switch {
		case t.Failed:
			class, told = "f", "failed"
		case t.straggles():
			class, told = "s", fmt.Sprintf("%s, %.1f x the median", told, t.factor)
		}
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" y="%d" width="%.1f" height="%d"><title>phase %d shard %d: %s, %s rows</title></rect>`+"\n",
			class, r.x(t.from), y, max(3, r.x(t.to)-r.x(t.from)), height, t.phase.Number, t.Shard, told, thousands(t.Rows))
	}
}

// svgShades draws how busy groups of workers were: one path per shade, one of pieces in
// which shards failed.
func (r *Report) svgShades(b *strings.Builder, lanes []lane, step int) {
	const shades = 8
	var paths [shades + 1]strings.Builder
	const wide = float64(svgChart) / svgPieces
	for i := range lanes {
		cells := lanes[i].cells(r.Started, r.Ended, svgPieces)
		shade := func(c cell) int {
			if c.failed {
				return shades
			}
			return min(shades-1, int(math.Ceil(c.busy*shades))-1)
		}
		for at := 0; at < len(cells); {
			s, from := shade(cells[at]), at
			for at < len(cells) && shade(cells[at]) == s {
				at++
			}
			if s >= 0 {
				fmt.Fprintf(&paths[s], "M%.1f %dh%.1fv%dh%.1fz", svgLeft+float64(from)*wide, svgTop+step*i, float64(at-from)*wide, step-2, -float64(at-from)*wide)
			}
		}
	}
	for s := range paths {
		class, opacity := "a", 0.15+0.85*float64(s+1)/shades
		if s == shades {
			class, opacity = "f", 1
		}
		if paths[s].Len() > 0 {
			fmt.Fprintf(b, `<path class="%s" fill-opacity="%.3g" d="%s"/>`+"\n", class, opacity, paths[s].String())
		}
	}
}

// svgLegend says what the colours mean.
func svgLegend(b *strings.Builder, y int, each bool) {
	classes, names := []string{"a", "s", "f", "gap"}, []string{"shards, light and dark in turn", "straggler: more than 2 x the median", "failed", "idle"}
	if !each {
		classes, names = []string{"a", "f"}, []string{"the darker, the busier a group of workers", "a shard failed"}
	}
	x := svgLeft
	for i, name := range names {
		fmt.Fprintf(b, `<rect class="%s" x="%d" y="%d" width="10" height="10"/><text class="soft" x="%d" y="%d" font-size="11">%s</text>`+"\n", classes[i], x, y-9, x+14, y, name)
		x += 34 + 6*len(name)
	}
}
