package audit

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/view"
)

// comparison compares the log of a version with what it should be.
type comparison struct {
	manifest *view.Manifest
	truth    *truth
	report   *ViewReport
	schema   row.Schema
	names    []string // of the columns that are read: the fixed ones, the key's, values, statuses
	drifts   []drift
	keys     row.Keys
	rows     []row.Row
	gather   row.Gatherer
	valid    column.Bitmap
	skipped  []bool
	stale    []bool
	rules    []lookup.Rules
}

func newComparison(m *view.Manifest, t *truth, report *ViewReport) *comparison {
	c := &comparison{manifest: m, truth: t, report: report, schema: t.layout.Schema()}
	c.names = append(fixedFields().Names(), keyNames(t.layout)...)
	for _, f := range c.schema.Fields {
		c.names = append(c.names, valuePrefix+f.Name)
		report.Features = append(report.Features, FeatureReport{Name: f.Name})
	}
	for _, f := range c.schema.Fields {
		c.names = append(c.names, statusPrefix+f.Name)
	}
	c.drifts = make([]drift, len(c.schema.Fields))
	for f := range c.drifts {
		c.drifts[f] = newDrift(m, c.schema.Fields[f].Name)
	}
	return c
}

// run compares all files.
func (c *comparison) run(ctx context.Context, v *version) error {
	for _, path := range v.files {
		if err := eachBatch(ctx, path, c.names, func(b column.Batch) error { return c.batch(path, b) }); err != nil {
			return err
		}
	}
	for f := range c.drifts {
		c.report.Features[f].PSI = c.drifts[f].psi()
	}
	return nil
}

// batch compares some rows.
func (c *comparison) batch(path string, b column.Batch) error {
	keys := b.Columns[fixedColumns : fixedColumns+len(c.schema.Keys)]
	if err := putKeys(path, c.truth.layout, keys, b.Rows, &c.keys); err != nil {
		return err
	}
	c.rows = c.rows[:0]
	for _, h := range c.keys.Hashes(0) {
		c.rows = append(c.rows, c.truth.row(h))
	}
	if err := c.judge(path, b); err != nil {
		return err
	}
	c.gather.Start(c.truth.layout, c.rows)
	values := b.Columns[fixedColumns+len(c.schema.Keys):]
	statuses := values[len(c.schema.Fields):]
	var want column.Vector
	for f := range c.schema.Fields {
		var err error
		if c.valid, err = c.gather.Field(f, &want, c.valid); err != nil {
			return err
		}
		c.feature(f, &b, &values[f], &statuses[f], &want)
	}
	return nil
}

// judge decides which rows can be checked, and which are stale, and compares event times.
func (c *comparison) judge(path string, b column.Batch) error {
	n := b.Rows
	c.report.Rows += int64(n)
	c.skipped, c.stale, c.rules = make([]bool, n), make([]bool, n), make([]lookup.Rules, n)
	for i := range n {
		rules, ok := parseRules(textAt(&b.Columns[colRules], i))
		now, there := intAt(&b.Columns[colTime], i)
		if !ok || !there {
			return foreign(path, "a row does not say when it was answered, or by whose rules")
		}
		c.report.span(now)
		c.rules[i] = rules
		if pushed := &b.Columns[colPushed]; !pushed.Null(i) && pushed.Values.Bools[pushed.Slot(i)] {
			c.skipped[i] = true
			c.report.Skipped["pushed after the version was published"]++
			continue
		}
		c.report.Checked++
		want := int64(row.NoTime)
		if !c.rows[i].Missing() {
			want = c.truth.layout.Event(c.rows[i])
		}
		c.stale[i] = stale(now, want, c.manifest.TTL, rules)
		got, there := intAt(&b.Columns[colEvent], i)
		if !there {
			got = row.NoTime
		}
		if got != want {
			c.report.EventTimes++
			c.report.note(&c.report.Event, c.example(&b, i, timeText(got), timeText(want)))
		}
	}
	return nil
}

// stale reports whether a row's time to live is over: now - event > ttl.
func stale(now, event int64, ttl time.Duration, rules lookup.Rules) bool {
	micros := ttl.Microseconds()
	return micros > 0 && rules.Compat != lookup.FeastPython && event != row.NoTime && now-micros < now && event < now-micros
}

// expected returns the status that a value should have, and whether it is shown. It is
// written after the table of lookup.Compat, not after the code that serves.
func expected(missing, null, stale bool, r lookup.Rules) (fieldstatus.Status, bool) {
	switch {
	case missing:
		return fieldstatus.NotFound, false
	case null && r.Compat == lookup.FeastGo:
		return fieldstatus.NotFound, false
	case null && r.Compat == lookup.FeastPython:
		return fieldstatus.Present, false
	case stale:
		return fieldstatus.OutsideMaxAge, !null && (r.KeepStale || r.Compat == lookup.FeastGo)
	case null:
		return fieldstatus.NullValue, false
	}
	return fieldstatus.Present, true
}

// feature compares a feature of some rows.
func (c *comparison) feature(f int, b *column.Batch, value, status *column.Column, want *column.Vector) {
	report := &c.report.Features[f]
	for i := range b.Rows {
		if c.skipped[i] || status.Null(i) {
			continue
		}
		report.Checked++
		s, shown := expected(c.rows[i].Missing(), want.Null(i), c.stale[i], c.rules[i])
		slot := value.Slot(i)
		same := textAt(status, i) == s.String()
		if shown {
			same = same && value.Values.Equal(slot, want, i)
		} else {
			same = same && value.Values.Null(slot)
		}
		c.drifts[f].add(&value.Values, slot)
		if same {
			continue
		}
		report.Mismatches++
		wanted := "null"
		if shown {
			wanted = valueText(want, i)
		}
		c.report.note(&report.First, c.example(b, i, valueText(&value.Values, slot)+" "+textAt(status, i), wanted+" "+s.String()))
	}
}

// example describes a mismatch.
func (c *comparison) example(b *column.Batch, i int, served, computed string) *Example {
	var key []string
	for k, f := range c.schema.Keys {
		col := &b.Columns[fixedColumns+k]
		key = append(key, f.Name+"="+valueText(&col.Values, col.Slot(i)))
	}
	at, _ := intAt(&b.Columns[colTime], i)
	return &Example{Key: strings.Join(key, " "), At: time.UnixMicro(at).UTC(), Served: served, Computed: computed}
}

func timeText(micros int64) string {
	if micros == row.NoTime {
		return "none"
	}
	return time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
}

// valueText writes a value for people, so that different values have different texts.
func valueText(v *column.Vector, i int) string {
	if v.Null(i) {
		return "null"
	}
	switch t := v.Type; {
	case t.IsList():
		var b bytes.Buffer
		b.WriteByte('[')
		for lo, hi := v.List(i); lo < hi; lo++ {
			if b.Len() > 1 {
				b.WriteByte(' ')
			}
			b.WriteString(valueText(&v.Elements.Values, v.Elements.Slot(lo)))
		}
		return b.String() + "]"
	case t == column.Bool:
		return strconv.FormatBool(v.Bools[i])
	case t == column.Float32:
		return strconv.FormatFloat(v.Float(i), 'g', -1, 32)
	case t == column.Float64:
		return strconv.FormatFloat(v.Float(i), 'g', -1, 64)
	case t == column.String:
		return strconv.Quote(string(v.Text.At(i)))
	case t == column.Date:
		return time.Unix(v.Int(i)*86400, 0).UTC().Format(time.DateOnly)
	case t.Temporal():
		return timeText(v.Int(i))
	}
	return fmt.Sprint(v.Int(i))
}
