package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// SVG draws two charts with logarithmic axes: rows per second over the bytes that a row
// takes to the device and back, below what the way there lets through; and the time of a
// batch over its rows. Every figure is in Text too.
func (d *DeviceReport) SVG(w io.Writer) error {
	all := append(slices.Clone(d.Workloads), d.Operators...)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 900" width="860" height="900" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="quern bench: GPU and CPU">`+"\n")
	b.WriteString("<style>text{fill:#1f2328}.soft{fill:#59636e}.line{stroke:#59636e}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}.line{stroke:#9198a1}}</style>\n")
	title := "Rows per second: " + d.Device
	if d.Simulated {
		title = "SIMULATED, not a GPU: " + d.Device
	}
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="16" font-weight="600">%s</text>`+"\n", escaped(title))
	legend(&b, 48, "all cores of the CPU", "GPU, host to host", "GPU, resident")
	d.roofline(&b, all, newPlot(64, 450))
	if len(d.Crossover) > 0 {
		fmt.Fprintf(&b, `<text x="16" y="510" font-size="16" font-weight="600">Time of a batch, %d float32 columns: fill, log1p, scale</text>`+"\n", crossoverColumns)
		legend(&b, 532, "all cores of the CPU", "GPU, host to host", "one core of the CPU")
		d.crossing(&b, newPlot(548, 860))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// mark returns the colour of a series: all cores, GPU, and the third of a chart.
func mark(series int) string { return [...]string{"#0072b2", "#d55e00", "#009e73"}[series] }

// legend draws a dot and a name per series.
func legend(b *strings.Builder, y int, names ...string) {
	for i, name := range names {
		fmt.Fprintf(b, `<circle cx="%d" cy="%d" r="5" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n", 22+200*i, y-4, mark(i), 32+200*i, y, name)
	}
}

// plot maps logarithms to pixels.
type plot struct {
	left, right, top, bottom float64
	fromX, toX, fromY, toY   float64 // decades
}

func newPlot(top, bottom float64) *plot {
	return &plot{left: 90, right: 830, top: top, bottom: bottom - 40, fromX: math.Inf(1), toX: math.Inf(-1), fromY: math.Inf(1), toY: math.Inf(-1)}
}

// see makes room for a point. What is not positive has no place.
func (p *plot) see(x, y float64) {
	if x > 0 && y > 0 {
		p.fromX, p.toX = min(p.fromX, math.Floor(math.Log10(x))), max(p.toX, math.Ceil(math.Log10(x)))
		p.fromY, p.toY = min(p.fromY, math.Floor(math.Log10(y))), max(p.toY, math.Ceil(math.Log10(y)))
	}
}

// at returns the place of a point.
func (p *plot) at(x, y float64) (px, py float64) {
	px = p.left + (math.Log10(x)-p.fromX)/max(1, p.toX-p.fromX)*(p.right-p.left)
	py = p.bottom - (math.Log10(y)-p.fromY)/max(1, p.toY-p.fromY)*(p.bottom-p.top)
	return px, py
}

// empty reports whether nothing was seen.
func (p *plot) empty() bool { return p.fromX > p.toX }

// axes draws a line and a number per decade, and what they are.
func (p *plot) axes(b *strings.Builder, x, y string) {
	for e := p.fromX; e <= p.toX; e++ {
		px, _ := p.at(math.Pow(10, e), 1)
		fmt.Fprintf(b, `<line class="line" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke-opacity="0.25"/><text class="soft" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", px, p.top, px, p.bottom, px, p.bottom+16, decade(e))
	}
	for e := p.fromY; e <= p.toY; e++ {
		_, py := p.at(1, math.Pow(10, e))
		fmt.Fprintf(b, `<line class="line" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke-opacity="0.25"/><text class="soft" x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", p.left, py, p.right, py, p.left-6, py+4, decade(e))
	}
	fmt.Fprintf(b, `<text class="soft" x="%.1f" y="%.1f" text-anchor="middle">%s</text><text class="soft" x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", (p.left+p.right)/2, p.bottom+34, x, p.left+60, p.top-2, y)
}

// decade writes a power of ten with the prefix of its unit: "1 k", "100 M", "10 u".
func decade(e float64) string {
	unit := math.Floor(e / 3)
	prefix := [...]string{" n", " u", " m", "", " k", " M", " G", " T", " P", " E"}[int(min(max(unit+3, 0), 9))]
	return fmt.Sprintf("%.0f%s", math.Pow(10, e-3*unit), prefix)
}

// dot draws a point with its name on hover.
func (p *plot) dot(b *strings.Builder, series int, x, y float64, name string) {
	if x > 0 && y > 0 {
		px, py := p.at(x, y)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="5" fill="%s" fill-opacity="0.85"><title>%s</title></circle>`+"\n", px, py, mark(series), escaped(name))
	}
}

// line draws through points.
func (p *plot) line(b *strings.Builder, colour string, points [][2]float64) {
	var at []string
	for _, x := range points {
		if x[0] > 0 && x[1] > 0 {
			px, py := p.at(x[0], x[1])
			at = append(at, fmt.Sprintf("%.1f,%.1f", px, py))
		}
	}
	fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(at, " "), colour)
}

// roofline draws what was compared, under the line that the way to the device is.
func (d *DeviceReport) roofline(b *strings.Builder, all []*Compared, p *plot) {
	bytes := func(x *Compared) float64 { return max(x.Up, x.Down) }
	sides := func(x *Compared) []*Side { return []*Side{x.All, x.GPU, x.Resident} }
	for _, x := range all {
		for _, s := range sides(x) {
			if s != nil {
				p.see(bytes(x), s.Rate)
			}
		}
	}
	if p.empty() {
		return
	}
	p.axes(b, "bytes per row, the larger of up and down", "rows/s")
	p.ceiling(b, min(d.Ceilings.Up, d.Ceilings.Down), "what copies let through")
	p.ceiling(b, d.Ceilings.Memory, "what the device's memory lets through")
	for _, x := range all {
		for i, s := range sides(x) {
			if s != nil {
				p.dot(b, i, bytes(x), s.Rate, fmt.Sprintf("%s %s: %.3g M rows/s", x.Name, x.What, s.Rate/1e6))
			}
		}
	}
}

// ceiling draws the line of so many bytes per second, as far as it is on the chart.
func (p *plot) ceiling(b *strings.Builder, rate float64, name string) {
	if rate <= 0 {
		return
	}
	fromX := max(p.fromX, math.Log10(rate)-p.toY) // where the line enters from above
	toX := min(p.toX, math.Log10(rate)-p.fromY)
	if fromX >= toX {
		return
	}
	ends := [][2]float64{{math.Pow(10, fromX), rate / math.Pow(10, fromX)}, {math.Pow(10, toX), rate / math.Pow(10, toX)}}
	p.line(b, "#999933", ends)
	x, y := p.at(ends[1][0], ends[1][1])
	fmt.Fprintf(b, `<text class="soft" x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", x-12, min(y+16, p.bottom-6), name)
}

// crossing draws the time of batches.
func (d *DeviceReport) crossing(b *strings.Builder, p *plot) {
	series := [3][][2]float64{}
	for _, c := range d.Crossover {
		for i, y := range []float64{c.All, c.GPU, c.One} {
			series[i] = append(series[i], [2]float64{float64(c.Rows), y})
			p.see(float64(c.Rows), y)
		}
	}
	p.axes(b, "rows per batch", "seconds")
	for i, points := range series {
		p.line(b, mark(i), points)
	}
}
