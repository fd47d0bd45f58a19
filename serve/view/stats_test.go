package view_test

import (
	"fmt"
	"strings"
	"testing"

	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/serve/view"
)

// drawn are rows of simple: rows of them, the first nulls of which are null, the others
// from low upwards.
func drawn(rows, nulls, low int) []string {
	lines := simpleRows(rows)
	for i := range lines {
		n := fmt.Sprint(low + i)
		if i < nulls {
			n = "null"
		}
		lines[i] = fmt.Sprintf(`{"id": %d, "at": "2001-06-01T00:00:00Z", "n": %s}`, i, n)
	}
	return lines
}

// TestTooDifferent: a version that differs too much from the one before is not served, and
// the bounds are where they are said to be.
func TestTooDifferent(t *testing.T) {
	for name, c := range map[string]struct {
		before, now []string
		want        string // of the message; "": it is served
	}{
		"the same":               {drawn(200, 0, 0), drawn(200, 0, 0), ""},
		"half of the rows":       {drawn(200, 0, 0), drawn(100, 0, 50), ""},
		"less than half":         {drawn(200, 0, 0), drawn(99, 0, 50), "99 rows after 200"},
		"nothing at all":         {drawn(20, 0, 0), nil, "0 rows after 20"},
		"many more rows":         {drawn(100, 0, 0), drawn(150, 0, 0), ""},
		"a tenth more nulls":     {drawn(200, 20, 0), drawn(200, 40, 0), ""},
		"more nulls":             {drawn(200, 20, 0), drawn(200, 41, 0), "n is null in 20.5 % of the rows after 10 %"},
		"fewer nulls":            {drawn(200, 150, 0), drawn(200, 0, 75), ""},
		"few rows say little":    {drawn(99, 0, 0), drawn(99, 99, 0), ""},
		"the median moves a bit": {drawn(200, 0, 0), drawn(200, 0, 80), ""},
		"the median moves":       {drawn(200, 0, 0), drawn(200, 0, 100), "the median of n is 199 after 99"},
		"all null":               {drawn(200, 0, 0), drawn(200, 200, 0), "n is null in 100 %"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &view.Store{Folder: t.TempDir()}
			x := newTable(t, simple, c.before)
			first := x.mustPublish(t, s, nil)
			if x.write(t, c.now); c.now == nil {
				x.write(t, []string{`{"id": null, "n": 1}`})
			}
			_, err := x.publish(t, s, nil)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if codeOf(err) != "Q661" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if state, err := s.State(t.Context(), "simple"); err != nil || state.Current != first.Version || state.Number != 1 {
				t.Errorf("what is served is %+v, %v", state, err)
			}
			if versions, err := s.Versions(t.Context(), "simple"); err != nil || len(versions) != 1 {
				t.Errorf("%d versions are left, %v", len(versions), err)
			}
			forced := x.mustPublish(t, s, func(o *view.PublishOptions) { o.Force = true })
			if len(forced.Findings) == 0 || forced.State.Current != forced.Version {
				t.Errorf("forced: %+v", forced)
			}
		})
	}
}

// TestKeys: what can be a key, and what is refused before anything is written.
func TestKeys(t *testing.T) {
	lines := []string{
		`{"id": 1, "x": 1.5, "tags": ["a"], "s": "\u00e9'\"", "b": true, "d": "2001-06-01", "at": "2001-06-01T12:00:00.000001Z", "n": 1}`,
		`{"id": 2, "x": 2.5, "tags": ["b"], "s": "", "b": false, "d": "1969-12-31", "at": "1969-12-31T23:59:59Z", "n": 2}`,
	}
	for keys, c := range map[string]struct{ code, example string }{
		"id":             {"", "id="},
		"s":              {"", "s="},
		"b":              {"", "b="},
		"d":              {"", "d="},
		"at":             {"", "at="},
		"id, s, b, d":    {"", "id="},
		"x":              {"Q651", ""},
		"id, x":          {"Q651", ""},
		"tags":           {"Q651", ""},
		"":               {"Q660", ""},
		"n, s, at, d, b": {"", "n="},
	} {
		text := "quern: 1\nname: keys\nsource: {jsonl: rows.jsonl, schema: {d: date, at: timestamp}}\nfeatures:\n  - columns: [n, s]\n"
		if keys != "" {
			text += "key: [" + keys + "]\n"
		}
		x := newTable(t, text, lines)
		s := &view.Store{Folder: t.TempDir()}
		p, err := x.publish(t, s, nil)
		if string(codeOf(err)) != c.code {
			t.Errorf("key %s: %v, want %q", keys, err, c.code)
		}
		if err == nil && (p.Rows != 2 || len(p.Example) != len(p.Key) || !strings.HasPrefix(p.Example[0], c.example)) {
			t.Errorf("key %s: %d rows, example %q", keys, p.Rows, p.Example)
		}
		if _, left := s.State(t.Context(), "keys"); err != nil && codeOf(left) != "Q664" {
			t.Errorf("key %s: something was published", keys)
		}
	}
}

// TestOnlineIsCheckedEarly: what publishing would refuse is a mistake of the recipe.
func TestOnlineIsCheckedEarly(t *testing.T) {
	x := newTable(t, simple, simpleRows(3))
	r, err := recipe.Parse(x.folder+"/recipe.yaml", []byte(simple+"online: {ttl: 7d, services: {a: [m]}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Fit(t.Context(), r, x.o); codeOf(err) != "Q667" {
		t.Errorf("fit: %v", err)
	}
	x.recipe = r
	if _, err := x.publish(t, &view.Store{Folder: t.TempDir()}, nil); codeOf(err) != "Q660" {
		t.Errorf("publish: %v", err)
	}
}
