//go:build linux

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// writePage writes the tables of the document from the figures. The text around them is
// written by hand and stays.
func writePage(result, document string) error {
	r, err := readReport(result)
	if err != nil {
		return err
	}
	page, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	filled, err := filled(string(page), r)
	if err != nil {
		return err
	}
	return os.WriteFile(document, []byte(filled), 0o644)
}

// filled returns the document with its tables written anew: each between <!-- name --> and
// <!-- /name -->.
func filled(text string, r *report) (string, error) {
	for name, table := range map[string]string{"machine": r.machine(), "lookups": r.lookups(), "loading": r.loading(), "swap": r.swaps()} {
		start, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
		before, rest, ok := strings.Cut(text, start)
		_, after, closed := strings.Cut(rest, end)
		if !ok || !closed {
			return "", fmt.Errorf("the document has no place for %s", name)
		}
		text = before + start + table + end + after
	}
	return text, nil
}

// machine says what the figures were measured on.
func (r *report) machine() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nMeasured on %s: %s, %d cores, %s/%s, %s. ", r.Date, r.Machine.Processor, r.Machine.Cores, r.Machine.OS, r.Machine.Arch, r.Machine.Go)
	fmt.Fprintf(&b, "Medians of %d rounds of %g s (of Feast twice that), all loads in turns; meanwhile other work used %.1f of the processors.\n", r.rounds(), r.Seconds, r.elsewhere())
	if r.Anchor.Note == "" {
		fmt.Fprintf(&b, "Feast %s on Python %s, one worker, with %s and %s entities of the same data.\n", r.Anchor.Version, r.Anchor.Python, r.Anchor.Store, thousands(r.Anchor.Entities))
	} else {
		fmt.Fprintf(&b, "%s.\n", r.Anchor.Note)
	}
	b.WriteString("Compared with the data before anything was timed, bit for bit:")
	for i, c := range r.Checked {
		if i > 0 {
			b.WriteString(";")
		}
		fmt.Fprintf(&b, " %s replies of %s over %s", thousands(c.Answers), c.Server, c.Protocol)
	}
	b.WriteString(".\n")
	for _, missing := range r.Missing {
		fmt.Fprintf(&b, "Not measured: %s.\n", missing)
	}
	b.WriteString("\n")
	return b.String()
}

// rounds is how often each load was measured.
func (r *report) rounds() int {
	if len(r.Cells) == 0 {
		return 0
	}
	return len(r.Cells[0].Rounds)
}

// elsewhere is how many processors were busy with what was not measured: the middle of all
// rounds.
func (r *report) elsewhere() float64 {
	var all []float64
	for _, m := range r.Cells {
		for _, one := range m.Rounds {
			all = append(all, one.Elsewhere)
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// lookups are the loads.
func (r *report) lookups() string {
	var b strings.Builder
	b.WriteString("\n| entities x features | asked | server | p50 | p99 | p99.9 | requests/s | server's CPU a request | reply |\n|---|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, m := range r.Cells {
		m.write(&b, m.Server+", "+m.Protocol)
	}
	if r.Transform != nil {
		r.Transform.write(&b, r.Transform.Server+", "+r.Transform.Protocol)
	}
	b.WriteString("\n")
	return b.String()
}

// write writes a row of the table.
func (m *measured) write(b *strings.Builder, what string) {
	asked := fmt.Sprintf("%d connections", m.Connections)
	switch {
	case m.load.Rate > 0:
		asked = fmt.Sprintf("%.0f/s, Poisson", m.load.Rate)
	case m.Connections == 1:
		asked = "1 connection"
	}
	size := fmt.Sprintf("%d x %d", m.Rows, features)
	if m.Protocol == rawRows {
		size = "one raw row"
	}
	cpu := milli(m.Median.CPU)
	if m.Median.StoreCPU > 0 {
		cpu = fmt.Sprintf("%s + %s", milli(m.Median.CPU), milli(m.Median.StoreCPU))
	}
	if m.Median.Refused > 0 {
		asked += fmt.Sprintf(" (%s refused)", thousands(m.Median.Refused))
	}
	fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s ms | %.1f kB |\n", size, asked, what, milli(m.Median.P50)+" ms", milli(m.Median.P99)+" ms",
		milli(m.Median.P999)+" ms", thousands(int(m.Median.Rate)), cpu, float64(m.Median.Bytes)/1e3)
}

// rawRows is how the report calls computing features on request.
const rawRows = "features of raw rows"

// milli writes milliseconds with two or three digits that mean something.
func milli(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

// loading says what it took until the data could be asked for.
func (r *report) loading() string {
	var b strings.Builder
	b.WriteString("\n| | entities | until they can be asked for | most memory of the loader | memory of the server and its store |\n|---|--:|--:|--:|--:|\n")
	l := r.Loaded
	fmt.Fprintf(&b, "| quern: publish | %s | %.2f s | %d MiB, of which %d MiB are not pages of files | - |\n",
		thousands(l.Entities), l.Publish, l.Peak>>20, l.PeakAnonymous>>20)
	fmt.Fprintf(&b, "| quern: start of the server | %s | %.2f s | - | %d MiB, of which %d MiB are not pages of the version's file |\n",
		thousands(l.Entities), l.Ready, l.Resident>>20, l.Anonymous>>20)
	if a := r.Anchor; a.Note == "" {
		fmt.Fprintf(&b, "| Feast: writing into %s | %s | %.1f s | %d MiB | %d MiB |\n", a.Store, thousands(a.Entities), a.Load, a.LoadPeak>>20, (a.Resident+a.StoreSize)>>20)
	}
	b.WriteString("\n")
	return b.String()
}

// swaps says what a swap of versions does to those who ask meanwhile.
func (r *report) swaps() string {
	s := r.Swap
	if s == nil {
		return "\n"
	}
	return fmt.Sprintf("\n%d swaps of %s x %d under %.0f requests a second of %d entities each: %s replies of one version and %s of the other, "+
		"each compared whole with the data of its version, no error, no reply of two versions. "+
		"p99 of all %d rounds' requests: %s ms without swaps (%s to %s by round), %s ms with one every %g s (%s to %s).\n\n",
		s.Swaps, thousands(r.Loaded.Entities), features, s.load.Rate, s.Rows, thousands(s.Replies[0]), thousands(s.Replies[1]),
		len(s.Still), milli(s.P99[0].All), milli(s.P99[0].Least), milli(s.P99[0].Most), milli(s.P99[1].All), s.Every, milli(s.P99[1].Least), milli(s.P99[1].Most))
}

// thousands writes a count with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
