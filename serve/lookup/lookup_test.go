package lookup

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/fieldstatus"
)

func drivers() *Memory {
	m := NewMemory()
	key := []column.Field{{Name: "driver_id", Type: column.Int64}}
	m.Define(&View{Name: "stats", Keys: key, TTL: time.Hour, Version: "v2", Fields: []Field{
		{Name: "rate", Type: column.Float32}, {Name: "tags", Type: column.ListOf(column.String)}}})
	m.Define(&View{Name: "other", Keys: []column.Field{{Name: "driver_id", Type: column.String}, {Name: "city", Type: column.String}},
		Fields: []Field{{Name: "rate", Type: column.Float64}, {Name: "city", Type: column.String}}})
	return m
}

func TestCompile(t *testing.T) {
	m := drivers()
	for _, c := range []struct{ refs, want string }{
		{"stats:rate", "driver_id:int64 | rate"},
		{"stats:rate stats:tags", "driver_id:int64 | rate tags"},
		{"stats@v2:rate", "driver_id:int64 | rate"},
		{"full stats@v2:rate", "driver_id:int64 | stats@v2__rate"},
		{"full stats:rate other:rate", "driver_id:int64 driver_id:string city:string | stats__rate other__rate"},
		{"stats:rate other:rate", "Q605"},
		{"stats:rate stats:rate", "Q605"},
		{"other:city", "driver_id:string city:string | city"}, // keys and features are two namespaces
		{"full other:city", "driver_id:string city:string | other__city"},
		{"nope:rate", "Q601"},
		{"stats@v3:rate", "Q601"},
		{"stats:rat", "Q602"},
		{"stats", "Q604"},
		{":rate", "Q604"},
		{"stats:", "Q604"},
		{"stats@:rate", "Q604"},
		{"", "Q615"},
	} {
		if got := compiled(m, c.refs); got != c.want {
			t.Errorf("%s: got %s, want %s", c.refs, got, c.want)
		}
	}
}

// TestKeysApart: where keys and features stand in one list, a name that both have is an
// error whose hint is the way out.
func TestKeysApart(t *testing.T) {
	m := drivers()
	for _, full := range []bool{false, true} {
		q, err := Compile(m, []Ref{{View: "other", Feature: "rate"}, {View: "other", Feature: "city"}}, full)
		if err != nil {
			t.Fatal(err)
		}
		err = q.KeysApart()
		var e *diag.Error
		if full != (err == nil) || !full && (!errors.As(err, &e) || e.Code != "Q605" || !strings.Contains(e.Hint, "full_feature_names")) {
			t.Errorf("full %v: %v", full, err)
		}
	}
}

func compiled(m *Memory, text string) string {
	text, full := strings.CutPrefix(text, "full ")
	var refs []Ref
	for _, s := range strings.Fields(text) {
		r, err := ParseRef(s)
		if err != nil {
			return code(err)
		}
		refs = append(refs, r)
	}
	q, err := Compile(m, refs, full)
	if err != nil {
		return code(err)
	}
	var words []string
	for _, k := range q.Keys {
		words = append(words, k.Name+":"+k.Type.String())
	}
	words = append(words, "|")
	for _, f := range q.Fields {
		words = append(words, f.Name)
	}
	return strings.Join(words, " ")
}

func code(err error) string {
	var e *diag.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	return string(e.Code)
}

// put writes one row of stats.
func put(t *testing.T, m *Memory, id int64, rate float64, event, created int64) {
	t.Helper()
	var r Rows
	v, _ := m.View("stats", "")
	r.Reset(v)
	r.Keys[0].AddInt(id)
	if rate == 0 {
		r.Fields[0].AddNull()
	} else {
		r.Fields[0].AddFloat(rate)
	}
	r.Fields[1].Element().AddString([]byte("a"))
	r.Fields[1].End()
	r.Event, r.Created, r.Rows = append(r.Event, event), append(r.Created, created), 1
	if err := m.Write(context.Background(), &r); err != nil {
		t.Fatal(err)
	}
}

// ask looks ids up and returns a status and a value for each.
func ask(t *testing.T, m *Memory, now int64, rules Rules, ids ...int64) string {
	t.Helper()
	q, err := Compile(m, []Ref{{View: "stats", Feature: "rate"}, {View: "stats", Feature: "tags"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var k Keys
	var b Block
	k.Reset(q)
	for _, id := range ids {
		k.Columns[0].AddInt(id)
		k.Rows++
	}
	if err := m.Lookup(context.Background(), q, &k, &b); err != nil {
		t.Fatal(err)
	}
	b.Expire(now, rules)
	var words []string
	for r := range ids {
		s, shown := b.Status(0, r)
		w := s.String()
		if shown {
			w += fmt.Sprint(" ", b.Values[0].Float32s[r])
		}
		if lo, hi := b.Values[1].List(r); (b.Parts[0].Status[r] == fieldstatus.NotFound) != (lo == hi) {
			t.Errorf("row %d has the list %d to %d", r, lo, hi)
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

func TestStatuses(t *testing.T) {
	m := drivers()
	const hour = 3600 * 1e6
	put(t, m, 1, 0.5, 1000, NoTime)
	put(t, m, 2, 0, 1000, NoTime)
	put(t, m, 3, 0.25, 5000, NoTime)
	for _, c := range []struct {
		now   int64
		rules Rules
		want  string
	}{
		{1000 + hour, Rules{}, "PRESENT 0.5, NULL_VALUE, PRESENT 0.25, NOT_FOUND"}, // the bound is included
		{1001 + hour, Rules{}, "OUTSIDE_MAX_AGE, OUTSIDE_MAX_AGE, PRESENT 0.25, NOT_FOUND"},
		{1001 + hour, Rules{KeepStale: true}, "OUTSIDE_MAX_AGE 0.5, OUTSIDE_MAX_AGE, PRESENT 0.25, NOT_FOUND"},
		{1001 + hour, Rules{Compat: FeastGo}, "OUTSIDE_MAX_AGE 0.5, NOT_FOUND, PRESENT 0.25, NOT_FOUND"},
		{1001 + hour, Rules{Compat: FeastPython}, "PRESENT 0.5, PRESENT, PRESENT 0.25, NOT_FOUND"},
		{NoTime, Rules{}, "PRESENT 0.5, NULL_VALUE, PRESENT 0.25, NOT_FOUND"}, // no clock before all time
	} {
		if got := ask(t, m, c.now, c.rules, 1, 2, 3, 4); got != c.want {
			t.Errorf("at %d, %+v: %s, want %s", c.now, c.rules, got, c.want)
		}
	}
}

func TestTheLatestRowStays(t *testing.T) {
	m := drivers()
	for _, row := range []struct {
		event, created int64
		rate           float64
		want           string
	}{
		{2000, NoTime, 1, "PRESENT 1"},
		{1000, 9000, 2, "PRESENT 1"}, // older event
		{2000, 5, 3, "PRESENT 3"},    // the same event, created later
		{2000, 4, 4, "PRESENT 3"},
		{2000, 5, 5, "PRESENT 5"}, // equal: the last written
		{3000, NoTime, 6, "PRESENT 6"},
	} {
		put(t, m, 7, row.rate, row.event, row.created)
		if got := ask(t, m, 0, Rules{}, 7); got != row.want {
			t.Errorf("after event %d, created %d: %s, want %s", row.event, row.created, got, row.want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	var c Cache
	q := &Query{}
	for i := range 5 * maxQueries {
		c.Put(fmt.Append(nil, i), q)
	}
	if len(c.queries) > maxQueries {
		t.Errorf("%d queries", len(c.queries))
	}
	for i := range 100 {
		c.Put(append(make([]byte, 1<<20), byte(i)), q)
	}
	if c.bytes > maxQueryBytes {
		t.Errorf("%d bytes", c.bytes)
	}
	c.Put(make([]byte, maxQueryBytes+1), q)
	if c.Get(make([]byte, maxQueryBytes+1)) != nil {
		t.Error("a key larger than the cache was kept")
	}
}

func TestCompatNames(t *testing.T) {
	for c := Strict; c <= FeastGo; c++ {
		if got, ok := ParseCompat(c.String()); !ok || got != c {
			t.Errorf("%v", c)
		}
	}
	if _, ok := ParseCompat("feast"); ok {
		t.Error("feast is no mode")
	}
}
