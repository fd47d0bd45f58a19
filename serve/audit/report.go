package audit

import (
	"cmp"
	"slices"
	"time"

	"quern/features/diag"
)

// Report is what an audit found.
type Report struct {
	Folder     string        `json:"folder"`
	Rows       int64         `json:"rows"`       // in the log
	Checked    int64         `json:"checked"`    // of them computed again
	Skipped    int64         `json:"skipped"`    // and those that could not be
	Mismatches int64         `json:"mismatches"` // values, and event times, that differ
	Views      []*ViewReport `json:"views"`
}

// ViewReport is about one version of a view.
type ViewReport struct {
	View       string           `json:"view"`
	Version    string           `json:"version"`
	Files      int              `json:"files"`
	From       time.Time        `json:"from,omitzero"` // the first request that was checked
	To         time.Time        `json:"to,omitzero"`   // and the last
	Rows       int64            `json:"rows"`
	Checked    int64            `json:"checked"`
	Skipped    map[string]int64 `json:"skipped,omitempty"` // rows that cannot be checked, by reason
	Why        string           `json:"why,omitempty"`     // none of them can be
	EventTimes int64            `json:"event_time_mismatches"`
	Event      *Example         `json:"event_time_first,omitempty"`
	Features   []FeatureReport  `json:"features,omitempty"`
}

// FeatureReport is about one feature.
type FeatureReport struct {
	Name       string   `json:"name"`
	Checked    int64    `json:"checked"`
	Mismatches int64    `json:"mismatches"`
	First      *Example `json:"first,omitempty"`
	// PSI is how far the values that were served are from those of the version when it was
	// published (see drift); nil: not a number, or too few.
	PSI *float64 `json:"psi,omitempty"`
}

// Example is a value that differs.
type Example struct {
	Key      string    `json:"key"`
	At       time.Time `json:"at"`
	Served   string    `json:"served"`
	Computed string    `json:"computed"`
}

// add takes in what was found about a version.
func (r *Report) add(v *ViewReport) {
	r.Views = append(r.Views, v)
	slices.SortFunc(r.Views, func(a, b *ViewReport) int {
		return cmp.Or(cmp.Compare(a.View, b.View), cmp.Compare(a.Version, b.Version))
	})
	r.Rows, r.Checked = r.Rows+v.Rows, r.Checked+v.Checked
	for _, n := range v.Skipped {
		r.Skipped += n
	}
	r.Mismatches += v.Mismatches()
}

// Mismatches returns how many values and event times differ.
func (v *ViewReport) Mismatches() int64 {
	n := v.EventTimes
	for _, f := range v.Features {
		n += f.Mismatches
	}
	return n
}

// Err returns Q685 if anything differs.
func (r *Report) Err() error {
	if r.Mismatches == 0 {
		return nil
	}
	return diag.New("Q685", "%d served values are not those computed offline, among %d rows", r.Mismatches, r.Checked)
}

// span widens the time that the report is about.
func (v *ViewReport) span(micros int64) {
	at := time.UnixMicro(micros).UTC()
	if v.From.IsZero() || at.Before(v.From) {
		v.From = at
	}
	if at.After(v.To) {
		v.To = at
	}
}

// note keeps the first example.
func (v *ViewReport) note(first **Example, e *Example) {
	if *first == nil {
		*first = e
	}
}
