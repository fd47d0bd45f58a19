package bench

import (
	"fmt"
	"io"
	"strings"
)

// The drawing's measures, in pixels.
const (
	svgWidth = 860
	svgLeft  = 110 // of the bars
	svgBars  = 560 // their width
	svgRow   = 44
	svgHead  = 92
)

// SVG draws, per workload, the processor time by stage as one bar, all bars equally
// long, with rate, wall time and memory beside it. It is readable on light and on
// dark ground: text takes the colour of the page's scheme.
func (r *Report) SVG(w io.Writer) error {
	var rows []*Result
	for _, x := range r.Results {
		if len(x.Calls) == 0 {
			rows = append(rows, x)
		}
	}
	height := svgHead + svgRow*len(rows) + 40
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="quern bench">`+"\n",
		svgWidth, height, svgWidth, height)
	b.WriteString("<style>text{fill:#1f2328}.soft{fill:#59636e}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.soft{fill:#9198a1}}</style>\n")
	fmt.Fprintf(&b, `<text x="16" y="26" font-size="16" font-weight="600">quern bench: where the processor time goes</text>`+"\n")
	fmt.Fprintf(&b, `<text x="16" y="46" class="soft">%s, %s, %d cores</text>`+"\n", escaped(r.Date), escaped(r.Machine.Processor), r.Machine.Cores)
	svgLegend(&b)
	for i, x := range rows {
		svgResult(&b, x, svgHead+svgRow*i)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// svgLegend draws a square and a name per stage.
func svgLegend(b *strings.Builder) {
	at := 16
	for _, name := range stageNames() {
		fmt.Fprintf(b, `<rect x="%d" y="60" width="11" height="11" rx="2" fill="%s"/><text x="%d" y="70" font-size="11">%s</text>`+"\n",
			at, stageColour(name), at+15, name)
		at += 24 + 7*len(name)
	}
}

// svgResult draws one workload's bar at y.
func svgResult(b *strings.Builder, x *Result, y int) {
	fmt.Fprintf(b, `<text x="16" y="%d" font-weight="600">%s</text>`+"\n", y+20, escaped(x.Workload))
	at := float64(svgLeft)
	for _, s := range x.Stages {
		width := s.Share * svgBars
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="24" fill="%s"><title>%s %.2f s, %.0f %%</title></rect>`+"\n",
			at, y+4, width, stageColour(s.Name), s.Name, s.Seconds, 100*s.Share)
		at += width
	}
	fmt.Fprintf(b, `<text x="%d" y="%d">%.2f Mrows/s</text>`+"\n", svgLeft+svgBars+14, y+14, x.RowsRate/1e6)
	fmt.Fprintf(b, `<text x="%d" y="%d" class="soft" font-size="11">%.2f s, cpu %.2f s, %.0f MiB</text>`+"\n",
		svgLeft+svgBars+14, y+30, x.Wall, x.CPU, float64(x.Peak)/(1<<20))
}

// stageColour returns colours of middle lightness, which differ on light and on dark
// ground and for the colour-blind (after Okabe and Ito, and Tol).
func stageColour(name string) string {
	colours := strings.Fields("#0072b2 #56b4e9 #009e73 #88ccaa #d55e00 #e69f00 #aa4499 #cc79a7 #ddbb44 #999933 #7f7f7f #b0554f #a0a0a0")
	for i, n := range stageNames() {
		if n == name {
			return colours[i]
		}
	}
	return "#808080"
}

// escaped makes s safe between tags.
func escaped(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
