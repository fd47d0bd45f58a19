package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/serve"
	"quern/serve/audit"
	"quern/serve/fieldstatus"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/view"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// people is a view with event times, a time to live, nulls, texts, times and several rows of a key.
const people = `quern: 1
name: people
source: {csv: people.csv}
key: [id, city]
time: at
features:
  - columns: [age]
    steps: [standardize]
  - columns: [name]
  - name: count
    columns: [visits]
  - name: since
    columns: [joined]
online: {ttl: 1h}
`

// world is a store with two views, and what is needed to look them up.
type world struct {
	t           *testing.T
	folder      string // of the sources
	store       *view.Store
	generations *live.Generations
	options     pipeline.Options
}

// now is half an hour after the latest event of people, so that some rows are stale.
func now() time.Time { return time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC) }

func newWorld(t *testing.T) *world {
	w := &world{t: t, folder: t.TempDir(), options: pipeline.Options{Backend: cpu.New()}}
	w.store = &view.Store{Places: store.Places{}, Folder: t.TempDir()}
	var rows strings.Builder
	rows.WriteString("id,city,at,age,name,visits,joined\n")
	for i := range 400 {
		id, cell := i%150, func(name string, every int, value any) string {
			if i%every == 0 {
				return ""
			}
			return fmt.Sprint(value)
		}
		fmt.Fprintf(&rows, "%d,c%d,2026-01-01T0%d:%02d:00,%s,%s,%s,2025-01-02T03:04:05\n", id, id%3, i%3, i%60,
			cell("age", 7, float64(i%90)/3), cell("name", 5, fmt.Sprintf("n%d ü", i)), cell("visits", 11, i))
	}
	w.write("people.csv", rows.String())
	w.write("people.yaml", people)
	movies, err := os.ReadFile("../../examples/movies/viewers.jsonl")
	check(t, err)
	text, err := os.ReadFile("../../examples/movies/recipe.yaml")
	check(t, err)
	w.write("viewers.jsonl", string(movies))
	w.write("movies.yaml", string(text))
	w.publish("people.yaml")
	w.publish("movies.yaml")
	w.generations = live.NewGenerations(&live.Published{Store: w.store}, t.Logf)
	t.Cleanup(w.generations.Close)
	_, err = w.generations.Reload(context.Background())
	check(t, err)
	return w
}

func (w *world) write(name, text string) {
	check(w.t, os.WriteFile(filepath.Join(w.folder, name), []byte(text), 0o644))
}

// publish fits a recipe and publishes its view.
func (w *world) publish(name string) {
	path := filepath.Join(w.folder, name)
	text, err := os.ReadFile(path)
	check(w.t, err)
	r, err := recipe.Parse(path, text)
	check(w.t, err)
	fitted, err := pipeline.Fit(context.Background(), r, w.options)
	check(w.t, err)
	_, err = w.store.Publish(context.Background(), fitted.Model, r, view.PublishOptions{Options: w.options, Force: true})
	check(w.t, err)
}

// log is a log and where it is.
type log struct {
	*audit.Log
	folder string
}

// log opens a log, of all keys if nothing else is said.
func (w *world) log(change func(*audit.Options)) log {
	o := audit.Options{Folder: filepath.Join(w.t.TempDir(), "log"), Share: 1, Log: w.t.Logf}
	if change != nil {
		change(&o)
	}
	l, err := audit.Open(o)
	check(w.t, err)
	w.t.Cleanup(l.Close)
	return log{l, o.Folder}
}

// ask looks keys up, and hands the answer to use.
func (w *world) ask(features []string, rules lookup.Rules, keys int, use func(*lookup.Keys, *lookup.Block)) {
	c := w.generations.Pin()
	defer c.Release()
	var refs []lookup.Ref
	for _, f := range features {
		if name, all := strings.CutSuffix(f, ":*"); all {
			more, err := serve.AllOf(c, name)
			check(w.t, err)
			refs = append(refs, more...)
			continue
		}
		ref, err := lookup.ParseRef(f)
		check(w.t, err)
		refs = append(refs, ref)
	}
	q, err := lookup.Compile(c, refs, false)
	check(w.t, err)
	var k lookup.Keys
	var b lookup.Block
	k.Reset(q)
	k.Rows = keys
	for i := range keys {
		for at, f := range q.Keys {
			if f.Name == "city" {
				k.Columns[at].AddString(fmt.Appendf(nil, "c%d", i%3))
				continue
			}
			k.Columns[at].AddInt(int64(i))
		}
	}
	check(w.t, c.Lookup(context.Background(), q, &k, &b))
	b.Expire(now().UnixMicro(), rules)
	use(&k, &b)
}

// check closes a log and checks it.
func (w *world) check(l log, change func(*audit.CheckOptions)) *audit.Report {
	w.t.Helper()
	l.Close()
	o := audit.CheckOptions{Options: w.options, Views: w.store}
	if change != nil {
		change(&o)
	}
	r, err := audit.Check(context.Background(), l.folder, o)
	check(w.t, err)
	return r
}

// TestServedIsComputed serves two views by all rules, and finds no difference.
func TestServedIsComputed(t *testing.T) {
	w := newWorld(t)
	l := w.log(nil)
	all := []lookup.Rules{{}, {KeepStale: true}, {Compat: lookup.FeastPython}, {Compat: lookup.FeastGo}}
	seen := map[fieldstatus.Status]bool{}
	for _, rules := range all {
		w.ask([]string{"people:*"}, rules, 160, func(k *lookup.Keys, b *lookup.Block) {
			for f := range b.Values {
				for r := range b.Rows {
					s, _ := b.Status(f, r)
					seen[s] = true
				}
			}
			l.Served("somebody", k, b)
		})
		w.ask([]string{"movies:*", "people:count"}, rules, 160, func(k *lookup.Keys, b *lookup.Block) { l.Served("", k, b) })
	}
	if len(seen) != 4 {
		t.Fatalf("the test has no example of every status: %v", seen)
	}
	r := w.check(l, nil)
	if r.Mismatches != 0 || r.Err() != nil || r.Skipped != 0 || r.Rows != 3*4*160 || r.Checked != r.Rows || len(r.Views) != 2 {
		t.Errorf("%+v", r)
	}
	for _, v := range r.Views {
		for _, f := range v.Features {
			want := int64(4 * 160)
			if v.View == "people" && f.Name == "count" {
				want *= 2
			}
			if f.Checked != want {
				t.Errorf("%s:%s: %d values were checked, want %d", v.View, f.Name, f.Checked, want)
			}
		}
	}
}

// TestFaultsAreFound serves something else than what was looked up.
func TestFaultsAreFound(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]struct {
		plant func(*lookup.Block)
		where string // the feature; "": the event time
	}{
		"a bit of a number": {func(b *lookup.Block) { b.Values[0].Float32s[8] += 1e-3 }, "age"},
		"a text": {func(b *lookup.Block) {
			b.Values[1].Text.Bytes[b.Values[1].Text.Offsets[8]] ^= 1
		}, "name"},
		"a null":        {func(b *lookup.Block) { b.Values[2].SetNull(8) }, "count"},
		"a time":        {func(b *lookup.Block) { b.Values[3].Int64s[8]++ }, "since"},
		"an event time": {func(b *lookup.Block) { b.Parts[0].Event[8]++ }, ""},
	} {
		l := w.log(nil)
		w.ask([]string{"people:*"}, lookup.Rules{KeepStale: true}, 150, func(k *lookup.Keys, b *lookup.Block) {
			if s, shown := b.Status(0, 8); !shown {
				t.Fatalf("row 8 is %v", s)
			}
			c.plant(b)
			l.Served("", k, b)
		})
		r := w.check(l, nil)
		if r.Mismatches != 1 || r.Err() == nil {
			t.Errorf("%s: %d mismatches", name, r.Mismatches)
			continue
		}
		found, first := "", r.Views[0].Event
		for _, f := range r.Views[0].Features {
			if f.Mismatches > 0 {
				found, first = f.Name, f.First
			}
		}
		if found != c.where || first == nil || first.Key != `id=8 city="c2"` || first.Served == first.Computed {
			t.Errorf("%s: found at %q, %+v", name, found, first)
		}
	}
}

// TestWhatCannotBeChecked tells why rows are not checked, and never calls them right.
func TestWhatCannotBeChecked(t *testing.T) {
	w := newWorld(t)
	l := w.log(nil)
	w.ask([]string{"people:*"}, lookup.Rules{}, 20, func(k *lookup.Keys, b *lookup.Block) {
		mark := b.Parts[0].MarkPushed()
		clear(mark)
		mark[3], mark[4] = true, true
		b.Values[0].Float32s[3] = 7 // as a pushed row has
		l.Served("", k, b)
	})
	r := w.check(l, nil)
	if r.Mismatches != 0 || r.Checked != 18 || r.Views[0].Skipped["pushed after the version was published"] != 2 {
		t.Errorf("pushed rows: %+v", r.Views[0])
	}
	text, err := os.ReadFile(filepath.Join(w.folder, "people.csv"))
	check(t, err)
	w.write("people.csv", strings.Replace(string(text), "\n", "\n3,c0,2026-01-01T02:59:00,1,x,1,2025-01-02T03:04:05\n", 1))
	if r = w.check(l, nil); r.Checked != 0 || r.Skipped != 20 || !strings.Contains(r.Views[0].Why, "digest") {
		t.Errorf("another source: %+v", r.Views[0])
	}
	if r = w.check(l, func(o *audit.CheckOptions) { o.AnySource = true }); r.Checked != 18 || r.Mismatches != 0 {
		t.Errorf("a source where only the row of a pushed key changed: %+v", r.Views[0])
	}
	check(t, os.Remove(filepath.Join(w.folder, "people.csv")))
	if r = w.check(l, nil); r.Skipped != 20 || !strings.Contains(r.Views[0].Why, "cannot be read") {
		t.Errorf("no source: %+v", r.Views[0])
	}
	check(t, os.RemoveAll(filepath.Join(w.store.Folder, "views", "people", "versions")))
	if r = w.check(l, nil); r.Skipped != 20 || !strings.Contains(r.Views[0].Why, "gone") {
		t.Errorf("no version: %+v", r.Views[0])
	}
}
