package pipeline

import (
	"strconv"
	"sync/atomic"

	"quern/pipeline/source"
)

// Progress tells how far a run is. A terminal asks it now and then; workers only
// add to it. The zero value is ready.
type Progress struct {
	title atomic.Pointer[string]
	rows  atomic.Int64
	bytes atomic.Int64
	total atomic.Int64
}

// State is how far the phase at hand is.
type State struct {
	Title      string // "fit, scan 1", "transform"; "" before the first
	Rows       int64
	Bytes      int64 // of input, as stored
	TotalBytes int64
}

// State returns how far the run is now.
func (p *Progress) State() State {
	s := State{Rows: p.rows.Load(), Bytes: p.bytes.Load(), TotalBytes: p.total.Load()}
	if t := p.title.Load(); t != nil {
		s.Title = *t
	}
	return s
}

// Phase starts a phase of which only the title is known. p may be nil.
func (p *Progress) Phase(title string) { p.begin(title, nil) }

// begin starts a phase over chunks. p may be nil.
func (p *Progress) begin(title string, chunks []source.Chunk) *Progress {
	if p == nil {
		return nil
	}
	var total int64
	for _, c := range chunks {
		total += c.Bytes
	}
	p.title.Store(&title)
	p.rows.Store(0)
	p.bytes.Store(0)
	p.total.Store(total)
	return p
}

// add adds rows and bytes. p may be nil.
func (p *Progress) add(rows int, bytes float64) {
	if p != nil {
		p.rows.Add(int64(rows))
		p.bytes.Add(int64(bytes))
	}
}

// done adds a chunk. p may be nil.
func (p *Progress) done(c source.Chunk, rows int) {
	p.add(rows, float64(c.Bytes))
}

func phaseTitle(ph *Phase) string { return "fit, scan " + itoa(ph.Number+1) }

func itoa(i int) string { return strconv.Itoa(i) }
