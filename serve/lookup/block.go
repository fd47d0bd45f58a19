package lookup

import (
	"math"

	"quern/serve/fieldstatus"
)

// NoTime is the event or creation time of a row that has none.
const NoTime = math.MinInt64

// Keys are the keys of a request: one column for each of Query.Keys, in storage
// form and without nulls, all of Rows rows. They are reused from request to request.
type Keys struct {
	Rows    int
	Columns []Cells
}

// Reset makes k empty and gives it the columns of q, to be appended to.
func (k *Keys) Reset(q *Query) {
	k.Rows = 0
	k.Columns = resize(k.Columns, len(q.Keys))
	for i, f := range q.Keys {
		k.Columns[i].Reset(f.Type, false)
	}
}

// Block is the answer to a query: a column for each of Query.Fields, in storage
// form, and for each of Query.Parts what is known about its rows. It is reused from
// request to request; whoever called Lookup owns it until the next Reset.
//
// Text and lists have offsets for every row. The value of a row that is not there
// or null is garbage: a number is what was there before, a string is empty.
type Block struct {
	Query  *Query
	Rows   int
	Values []Cells
	Parts  []State
	rules  Rules
	now    int64
}

// Rules choose what a reply says of values that are null or old.
type Rules struct {
	Compat    Compat
	KeepStale bool // Strict: values older than the TTL are shown, with their status
}

// State is what a block knows of one view's rows.
type State struct {
	Status []fieldstatus.Status // Present, NotFound; after Expire also OutsideMaxAge
	Event  []int64              // microseconds since 1970-01-01T00:00:00Z; NoTime where the row has none or is not there
	// Latest is the latest event time of all rows of the view, in microseconds, not only of
	// those asked for; NoTime: none has one, or nobody keeps it.
	Latest int64
	// Pushed says which rows are pushed ones, not those of the published version; nil: none.
	Pushed []bool

	memory []bool // of Pushed
}

// Reset makes room for rows answers to q: fixed-size values have rows slots, text
// and lists are empty and are appended to, row by row. Nothing is null, every state
// is NotFound and every event time NoTime.
func (b *Block) Reset(q *Query, rows int) {
	b.Query, b.Rows, b.rules, b.now = q, rows, Rules{}, NoTime
	b.Values = resize(b.Values, len(q.Fields))
	b.Parts = resize(b.Parts, len(q.Parts))
	for i := range q.Fields {
		b.Values[i].Reset(q.Fields[i].Type, q.Fields[i].Binary)
		b.Values[i].makeRows(rows)
	}
	for i := range b.Parts {
		p := &b.Parts[i]
		p.Status, p.Event, p.Pushed, p.Latest = resize(p.Status, rows), resize(p.Event, rows), nil, NoTime
		for r := range p.Status {
			p.Status[r], p.Event[r] = fieldstatus.NotFound, NoTime
		}
	}
}

// MarkPushed makes Pushed as long as there are rows, and returns it to be filled in: all of it.
func (s *State) MarkPushed() []bool {
	s.memory = resize(s.memory, len(s.Status))
	s.Pushed = s.memory
	return s.Pushed
}

// Expire applies the views' times to live and chooses the rules of Status: a row is
// valid as long as now - event <= TTL, the bound included, as in a point-in-time
// join. A row without an event time never expires. now is in microseconds since
// 1970-01-01T00:00:00Z.
func (b *Block) Expire(now int64, rules Rules) {
	b.rules, b.now = rules, now
	for i := range b.Parts {
		ttl := b.Query.Parts[i].View.TTL.Microseconds()
		if ttl <= 0 || rules.Compat == FeastPython {
			continue
		}
		// An instant before the first microsecond of int64 cannot be; nothing is older.
		oldest := now - ttl
		if oldest > now {
			continue
		}
		p := &b.Parts[i]
		for r, event := range p.Event {
			if event < oldest && event != NoTime && p.Status[r] == fieldstatus.Present {
				p.Status[r] = fieldstatus.OutsideMaxAge
			}
		}
	}
}

// Expired returns what Expire was told last; NoTime if nothing.
func (b *Block) Expired() (now int64, rules Rules) { return b.now, b.rules }

// Status returns the status of row of column field, and whether the reply shows the
// value there. It shows null otherwise.
func (b *Block) Status(field, row int) (fieldstatus.Status, bool) {
	s := b.Parts[b.Query.Fields[field].Part].Status[row]
	null := b.Values[field].Null(row)
	switch {
	case s == fieldstatus.NotFound:
		return fieldstatus.NotFound, false
	case null && (s == fieldstatus.Present || b.rules.Compat == FeastGo):
		return b.rules.Compat.null(), false
	case s == fieldstatus.OutsideMaxAge:
		return s, !null && (b.rules.Compat == FeastGo || b.rules.KeepStale)
	}
	return s, true
}

// Shows reports whether a value of a row of a part is shown if it is not null.
func (b *Block) Shows(part, row int) bool {
	s := b.Parts[part].Status[row]
	return s == fieldstatus.Present || s == fieldstatus.OutsideMaxAge && (b.rules.Compat == FeastGo || b.rules.KeepStale)
}

// Plain reports whether every row of column field is there, fresh and not null.
func (b *Block) Plain(field int) bool {
	return b.Values[field].Valid == nil && b.Fresh(b.Query.Fields[field].Part)
}

// Fresh reports whether every row of a part is there and fresh.
func (b *Block) Fresh(part int) bool {
	for _, s := range b.Parts[part].Status {
		if s != fieldstatus.Present {
			return false
		}
	}
	return true
}
