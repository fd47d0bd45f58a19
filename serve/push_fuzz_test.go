package serve

import (
	"errors"
	"testing"

	"quern/features/diag"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

// FuzzPushedRows: whatever a client sends is rows of the view, or its mistake.
func FuzzPushedRows(f *testing.F) {
	v := livetest.Drivers("v1")
	for _, seed := range []string{
		`[{"driver_id":1,"f0":0.5,"f1":null,"f2":3,"f3":"4","f4":true,"f5":"x","f6":"2026-01-01T00:00:00Z","f7":"2026-01-02","f8":[1,null,"NaN"],"f9":["a",null],"f10":[],"event_timestamp":"2026-01-01"}]`,
		`[{"driver_id":null}]`, `[{}]`, `[null]`, `[[]]`, `{}`, `null`, ``, `[{"driver_id":1e99,"f8":[[1]]}]`, `[{"driver_id":"1","created":1}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var rows lookup.Rows
		err := readPushed(&v, text, 100, &rows)
		var e *diag.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatalf("%v", err)
			}
			if entry, ok := diag.Lookup(e.Code); !ok || entry.Class != diag.Usage {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, c := range append(append([]lookup.Cells(nil), rows.Keys...), rows.Fields...) {
			if c.Len != rows.Rows {
				t.Fatalf("%d rows, of which a column has %d", rows.Rows, c.Len)
			}
		}
		if rows.Rows == 0 || rows.Rows != len(rows.Event) || rows.Rows != len(rows.Created) {
			t.Fatalf("%d rows, %d event times", rows.Rows, len(rows.Event))
		}
	})
}
