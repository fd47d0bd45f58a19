package transform_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/transform"
)

func codeOf(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// featuresOf computes a body's features and shows them, row by row.
func featuresOf(t testing.TB, tr *transform.Transformer, use transform.Use, body string) []string {
	t.Helper()
	c := tr.Begin(use)
	defer c.Close()
	check(t, c.Parse([]byte(body)))
	check(t, c.Run(context.Background()))
	rows := make([]string, c.Rows)
	for r := range rows {
		for i := range c.Features {
			f := &c.Features[i]
			slot := f.Slot(r)
			switch v := &f.Values; {
			case v.Null(slot):
				rows[r] += "null "
			case v.Type.Kind() == column.Floats:
				rows[r] += fmt.Sprintf("%x ", math.Float64bits(v.Float(slot)))
			default:
				rows[r] += fmt.Sprint(v.Int(slot), " ")
			}
		}
	}
	return rows
}

// TestRowsAndColumns: rows, columns and a bare array mean the same, in any order of columns,
// with escapes in names, one by one or together.
func TestRowsAndColumns(t *testing.T) {
	m, _, _ := flights(t)
	tr := transformer(t, m)
	var all []string
	for i := range 30 {
		all = append(all, featuresOf(t, tr, transform.Serve, "["+aFlight(i)+"]")...)
	}
	var rows, dates, distances []string
	for i := range 30 {
		one := aFlight(i)
		if i%2 == 1 {
			one = fmt.Sprintf(`{"destination":"LAX" , "d\u0069stance" : %d.0, "origin":"\u0053FO","date":"2001-06-%02d %02d:10"}`, 300+i, i%28+1, i%24)
		}
		rows = append(rows, one)
		dates = append(dates, fmt.Sprintf(`"2001-06-%02dT%02d:10:00"`, i%28+1, i%24))
		distances = append(distances, fmt.Sprintf("%de0", 300+i))
	}
	text := func(word string) string { return strings.Repeat(`"`+word+`",`, 29) + `"` + word + `"` }
	for _, body := range []string{
		`{"rows": [` + strings.Join(rows, ",\n") + `]}`,
		`{"columns": {"origin": [` + text("SFO") + `], "date": [` + strings.Join(dates, ",") + `], "distance": [` +
			strings.Join(distances, " , ") + `], "destination": [` + text("LAX") + `]}}`,
	} {
		for _, use := range []transform.Use{transform.Serve, transform.Push} {
			got := featuresOf(t, tr, use, body)
			if strings.Join(got, "\n") != strings.Join(all, "\n") {
				t.Errorf("%.60s: %v, one by one %v", body, got[:2], all[:2])
			}
		}
	}
}

// flightsView is what a published view of the model looks like.
func flightsView(tr *transform.Transformer) *lookup.View {
	v := &lookup.View{Name: "flights", Version: "1", Event: "date", Keys: []column.Field{{Name: "origin", Type: column.String}, {Name: "destination", Type: column.String}}}
	for _, f := range tr.Features() {
		v.Fields = append(v.Fields, lookup.Field{Name: f.Name, Type: f.Type})
	}
	return v
}

// TestPut: pushed rows have keys, times and the features that a transform gives; rows that
// source.where leaves out are counted; keys and times are not null.
func TestPut(t *testing.T) {
	m, _, _ := flights(t)
	tr := transformer(t, m)
	v := flightsView(tr)
	if !tr.Fits(v) || tr.Fits(&lookup.View{Name: "flights"}) {
		t.Fatal("the model does not know its view")
	}
	put := func(body string, into *lookup.Rows) (int, error) {
		c := tr.Begin(transform.Push)
		defer c.Close()
		check(t, c.Parse([]byte(body)))
		check(t, c.Run(context.Background()))
		return c.Put(v, into)
	}
	var rows lookup.Rows
	zero := strings.Replace(aFlight(1), "301", "0", 1) // where: distance > 0
	created := strings.Replace(aFlight(2), "{", `{"created": "2002-01-01T00:00:00Z", `, 1)
	for range 2 { // the memory is used again
		left, err := put("["+aFlight(0)+","+zero+","+created+"]", &rows)
		if err != nil || left != 1 || rows.Rows != 2 || len(rows.Event) != 2 {
			t.Fatalf("%d rows, %d left out, %v", rows.Rows, left, err)
		}
	}
	at := time.Date(2001, 6, 3, 2, 10, 0, 0, time.UTC).UnixMicro()
	if rows.Event[1] != at || rows.Created[0] != lookup.NoTime || rows.Created[1] != time.Date(2002, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() ||
		string(rows.Keys[1].Text.At(0)) != "LAX" {
		t.Errorf("times %v and %v", rows.Event, rows.Created)
	}
	want := featuresOf(t, tr, transform.Serve, "["+aFlight(0)+","+aFlight(2)+"]")
	for r := range 2 {
		got := ""
		for i := range rows.Fields {
			f := &rows.Fields[i].Vector
			if f.Type.Kind() == column.Floats {
				got += fmt.Sprintf("%x ", math.Float64bits(f.Float(r)))
			} else {
				got += fmt.Sprint(f.Int(r), " ")
			}
		}
		if got != want[r] {
			t.Errorf("row %d is put as %s, want %s", r, got, want[r])
		}
	}
	for _, name := range []string{"SFO", "2001-06-01T00:10:00"} {
		body := strings.Replace(aFlight(0), `"`+name+`"`, "null", 1)
		if _, err := put("["+body+"]", &rows); codeOf(err) != "Q620" {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// TestSteadyState: once there is memory, a request of one row allocates nothing.
func TestSteadyState(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	m, _, _ := flights(t)
	tr := transformer(t, m)
	body := []byte(`{"rows": [` + aFlight(1) + `]}`)
	one := func() {
		c := tr.Begin(transform.Serve)
		defer c.Close()
		if c.Parse(body) != nil || c.Run(context.Background()) != nil {
			t.Fatal("a row is refused")
		}
	}
	one()
	if n := testing.AllocsPerRun(100, one); n > 0 {
		t.Errorf("%v allocations for a row", n)
	}
}

// TestConcurrent: one transformer serves many goroutines.
func TestConcurrent(t *testing.T) {
	m, _, _ := flights(t)
	tr := transformer(t, m)
	want := featuresOf(t, tr, transform.Serve, "["+aFlight(3)+"]")[0]
	var wg sync.WaitGroup
	for k := range 16 {
		wg.Go(func() {
			for range 50 {
				body := "[" + strings.Repeat(aFlight(3)+",", k) + aFlight(3) + "]"
				for _, got := range featuresOf(t, tr, transform.Use(k%2), body) {
					if got != want {
						t.Errorf("%s, alone %s", got, want)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestTake: columns that have types mean what they mean as JSON; others do not fit.
func TestTake(t *testing.T) {
	m, _, _ := flights(t)
	tr := transformer(t, m)
	c := tr.Begin(transform.Serve)
	defer c.Close()
	check(t, c.Parse([]byte("["+aFlight(0)+"]")))
	names := []string{"origin", "destination", "distance", "date"}
	text := func(s string) column.Column {
		v := column.Vector{Type: column.String, Len: 1}
		v.Text.Append([]byte(s))
		return column.Column{Len: 1, Values: v}
	}
	micros := column.Column{Len: 1, Values: column.Vector{Type: column.Datetime, Len: 1, Int64s: []int64{1}}}
	small := column.Column{Len: 1, Values: column.Vector{Type: column.Int32, Len: 1, Int32s: []int32{7}}}
	large := column.Column{Len: 1, Values: column.Vector{Type: column.Int64, Len: 1, Int64s: []int64{7}}}
	for _, distance := range []column.Column{small, large} {
		if err := c.Take(names, []column.Column{text("SFO"), text("LAX"), distance, micros}); err != nil && codeOf(err) != "Q620" {
			t.Error(err)
		}
	}
	for name, columns := range map[string][]column.Column{"Q620": {text("SFO"), text("LAX"), text("7"), micros}, "Q618": {text("SFO"), text("LAX")}, "Q615": {}} {
		err := c.Take(names[:len(columns)], columns)
		if code := codeOf(err); code != diag.Code(name) && !(name == "Q615" && code == "Q618") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: what is taken is JSON, and what is no JSON is Q614; nothing panics.
func FuzzParse(f *testing.F) {
	m, _, _ := flights(f)
	tr := transformer(f, m)
	for _, body := range []string{`{"rows": [` + aFlight(0) + `]}`, `[` + aFlight(1) + `,` + aFlight(2) + `]`, `{}`, `[]`,
		`{"columns": {"origin": ["a"], "destination": [null], "date": [0], "distance": [1e2]}}`,
		`[{"origin":"\ud83d\ude00","destination":"\u0000","date":-1.5e-3,"distance":null,"delay":[1,"x",null]}]`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for use := transform.Serve; use <= transform.Push; use++ {
			c := tr.Begin(use)
			c.MaxRows = 100
			err := c.Parse(body)
			if err == nil {
				if !json.Valid(body) {
					t.Errorf("%q is taken, and is no JSON", body)
				}
				err = c.Run(context.Background())
			}
			c.Close()
			if entry, ok := diag.Lookup(codeOf(err)); err != nil && (!ok || entry.Class != diag.Usage) {
				t.Errorf("%q: %v", body, err)
			}
		}
	})
}
