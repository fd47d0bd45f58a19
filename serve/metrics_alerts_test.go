package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"quern/features/column"
	"quern/serve/access"
	"quern/serve/audit"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
	"quern/serve/row"
)

const monitoring = "../docs/monitoring/"

// alertRule is a rule of alerts.yaml.
type alertRule struct {
	Alert, Expr, For string
	Labels           map[string]string
	Annotations      map[string]string
}

func alertRules(t *testing.T) map[string]alertRule {
	text, err := os.ReadFile(monitoring + "alerts.yaml")
	check(t, err)
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	check(t, yaml.UnmarshalWithOptions(text, &file, yaml.Strict()))
	all := map[string]alertRule{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if all[r.Alert].Alert != "" {
				t.Errorf("%s is there twice", r.Alert)
			}
			all[r.Alert] = r
		}
	}
	return all
}

// dashboardQueries are the expressions of the dashboard.
func dashboardQueries(t *testing.T) []string {
	text, err := os.ReadFile(monitoring + "dashboard.json")
	check(t, err)
	var board struct {
		Title      string
		Templating struct{ List []struct{ Definition string } }
		Panels     []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	check(t, json.Unmarshal(text, &board))
	var all []string
	for _, v := range board.Templating.List {
		all = append(all, v.Definition)
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q stands where another does, or shows nothing", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

// TestMonitoringNamesWhatThereIs: every metric of the dashboard and the alerts is one that a
// server has, every alert a section of the runbook, and the other way round.
func TestMonitoringNamesWhatThereIs(t *testing.T) {
	r := newPushRig(t, published(t), t.TempDir(), nil)
	r.ask(t, 1) // features have series once they were asked for
	families := scrape(t, r.url)
	rules, queries := alertRules(t), dashboardQueries(t)
	for _, rule := range rules {
		queries = append(queries, rule.Expr)
	}
	metric := regexp.MustCompile(`\b(quern|go|process)_[a-z_]+`)
	used := 0
	for _, q := range queries {
		for _, name := range metric.FindAllString(q, -1) {
			used++
			base := strings.TrimSuffix(name, "_bucket")
			if f := families[base]; f == nil || (base != name) != (f.Type.String() == "HISTOGRAM") {
				t.Errorf("%s: the server has no %s", q, name)
			}
		}
	}
	if used < 40 || len(rules) < 10 {
		t.Errorf("only %d metrics are used, in %d rules and a dashboard", used, len(rules))
	}
	text, err := os.ReadFile(monitoring + "RUNBOOK.md")
	check(t, err)
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (\S+)$`).FindAllSubmatch(text, -1) {
		sections = append(sections, string(m[1]))
		if rules[string(m[1])].Alert == "" {
			t.Errorf("the runbook has a section of an alert %s that there is not", m[1])
		}
	}
	for name, rule := range rules {
		if !slices.Contains(sections, name) || rule.Annotations["runbook_url"] != "docs/monitoring/RUNBOOK.md#"+strings.ToLower(name) ||
			rule.Annotations["summary"] == "" || rule.Labels["severity"] != "page" && rule.Labels["severity"] != "ticket" {
			t.Errorf("%s has no section in the runbook, or does not lead there, or says nothing: %+v", name, rule)
		}
	}
}

// TestPromtool has Prometheus' own tool check the rules, where it is installed.
func TestPromtool(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	out, err := exec.Command(tool, "check", "rules", monitoring+"alerts.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// aged is a server of one view of ten rows, whose events are that old.
func aged(t *testing.T, age time.Duration, change func(*Config)) *rig {
	v := lookup.View{Name: "v", Version: "1", TTL: time.Hour, Keys: []column.Field{{Name: "id", Type: column.Int64}},
		Fields: []lookup.Field{{Name: "x", Type: column.Float32}}}
	rows := livetest.RandomRows(&v, 10, 1)
	for i := range rows.Event {
		rows.Event[i] = time.Now().Add(-age).UnixMicro()
	}
	s := livetest.NewShelf(t)
	s.Serve(s.Add(v, rows, 1))
	r := newRig(t, s, func(c *Config) {
		c.Now = nil
		if change != nil {
			change(c)
		}
	})
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	return r.start(t)
}

func (r *rig) lookups(t *testing.T, n int, body string, headers ...string) {
	for range n {
		call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", body, headers...)
	}
}

const oneOfV = `{"view":"v","rows":[{"id":1}]}`

// writerFunc is a lookup.Writer.
type writerFunc func() error

func (f writerFunc) Write(context.Context, *lookup.Rows) error { return f() }

const pushToV = `{"rows":[{"id":1,"x":1,"event_timestamp":"2026-01-01T00:00:00Z"}]}`

func (r *rig) pushes(t *testing.T, n int) {
	for range n {
		call(t, http.DefaultClient, "POST", r.url+"/v1/push/v", pushToV)
	}
}

// published is a store with a version of a view.
func published(t *testing.T) *livetest.Store {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, 10)
	return s
}

// noCompactor makes nothing.
type noCompactor struct{}

func (noCompactor) Compact(context.Context, string, row.Schema, func(func(*row.Rows) error) (uint64, error)) (string, error) {
	return "", errors.New("the store is full")
}

// causes brings each alert about. The others are TestAlertsOfTheMachine's.
func causes(t *testing.T) map[string]func() scraped {
	all := causesOfPushes(t)
	twice := func(age time.Duration, cause func(*rig)) func() scraped {
		return func() scraped {
			r := aged(t, age, nil)
			return scrapeTwice(t, r, func() { cause(r) })
		}
	}
	all["QuernDown"] = func() scraped { return scraped{nil, pointsOf(t, "http://127.0.0.1:1")} }
	all["QuernNothingToServe"] = func() scraped { return scrapeTwice(t, newRig(t, livetest.NewShelf(t), nil).start(t), func() {}) }
	all["QuernShedsLoad"] = func() scraped { return shedding(t) }
	all["QuernUnknownCallers"] = func() scraped { return unknownCallers(t) }
	all["QuernOldFeatures"] = twice(72*time.Hour, func(*rig) {})
	all["QuernStaleAnswers"] = twice(2*time.Hour, func(r *rig) { r.lookups(t, 2, oneOfV) })
	all["QuernMissingKeys"] = twice(0, func(r *rig) { r.lookups(t, 2, `{"view":"v","rows":[{"id":1},{"id":77}]}`) })
	all["QuernVersionRefused"] = twice(0, func(r *rig) {
		r.Serve(live.Wanted{Name: live.Name{View: "v", Version: "damaged"}})
		r.generations.Reload(context.Background())
	})
	all["QuernLogIncomplete"] = func() scraped {
		l, err := audit.Open(audit.Options{Folder: t.TempDir(), Share: 1, Queue: 1})
		check(t, err)
		defer l.Close()
		r := aged(t, 0, func(c *Config) { c.Audit = l })
		return scrapeTwice(t, r, func() { r.lookups(t, 2, oneOfV) })
	}
	return all
}

// causesOfPushes are those that a push brings about.
func causesOfPushes(t *testing.T) map[string]func() scraped {
	pushing := func(w writerFunc, n int) func() scraped {
		return func() scraped {
			r := aged(t, 0, func(c *Config) { c.Writer = w })
			return scrapeTwice(t, r, func() { r.pushes(t, n) })
		}
	}
	overlay := func(change func(*live.OverlayOptions), cause func(*pushRig)) func() scraped {
		return func() scraped {
			r := newPushRig(t, published(t), t.TempDir(), change)
			return scrapeTwice(t, r.rig, func() { cause(r) })
		}
	}
	return map[string]func() scraped{
		"QuernErrors":     pushing(func() error { panic("a planted fault") }, 3),
		"QuernPanic":      pushing(func() error { panic("a planted fault") }, 1),
		"QuernSlow":       pushing(func() error { time.Sleep(120 * time.Millisecond); return nil }, 3),
		"QuernPushesFail": overlay(func(o *live.OverlayOptions) { o.Memory = 1 }, func(r *pushRig) { r.tryPush(t, 1, 1) }),
		"QuernPushesNotCompacted": overlay(func(o *live.OverlayOptions) { o.Compact, o.Every, o.Into = 1, 40*time.Millisecond, noCompactor{} }, func(r *pushRig) {
			r.push(t, 1, 1)
			ctx, stop := context.WithCancel(context.Background())
			var group sync.WaitGroup
			group.Go(func() { r.overlays.Run(ctx) })
			waitFor(t, "a compaction fails", func() bool { return r.overlays.Counts().CompactionFailures > 0 })
			stop()
			group.Wait()
		}),
	}
}

// shedding asks a server of one place, which is taken.
func shedding(t *testing.T) scraped {
	hold, held := make(chan struct{}), make(chan struct{}, 1)
	r := aged(t, 0, func(c *Config) {
		c.Slots, c.Queue = 1, -1
		c.Now = func() time.Time { held <- struct{}{}; <-hold; return time.Now() }
	})
	return scrapeTwice(t, r, func() {
		done := make(chan struct{})
		go func() { r.lookups(t, 1, oneOfV); close(done) }()
		<-held
		r.lookups(t, 3, oneOfV)
		close(hold)
		<-done
	})
}

// unknownCallers asks without a token that is known.
func unknownCallers(t *testing.T) scraped {
	path := filepath.Join(t.TempDir(), "tokens.json")
	check(t, os.WriteFile(path, []byte(`{"tokens":[{"name":"a","token":"0123456789012345678901","read":["none"],"metrics":true}]}`), 0o600))
	tokens, err := access.ReadTokens(path)
	check(t, err)
	r := aged(t, 0, func(c *Config) { c.Tokens = tokens })
	return scrapeTwice(t, r, func() { r.lookups(t, 40, oneOfV, "Authorization", "Bearer nobody") },
		"Authorization", "Bearer 0123456789012345678901")
}

// TestAlertsAreCaused causes each alert for real, and finds that it fires.
func TestAlertsAreCaused(t *testing.T) {
	rules, all := alertRules(t), causes(t)
	for name, rule := range rules {
		cause := all[name]
		if cause == nil {
			if name != "QuernColdFiles" {
				t.Errorf("nothing causes %s", name)
			}
			continue
		}
		if s := cause(); len(s.fires(rule.Expr)) == 0 {
			t.Errorf("%s does not fire: %s", name, rule.Expr)
		}
	}
}

// TestAlertsOfTheMachine: whether files are in memory is the kernel's to decide, so the
// number is edited.
func TestAlertsOfTheMachine(t *testing.T) {
	s := scrapeTwice(t, aged(t, 0, nil), func() {})
	for i := range s.after {
		if s.after[i].labels["__name__"] == "quern_view_resident_ratio" {
			s.after[i].value = 0.5
		}
	}
	if len(s.fires(alertRules(t)["QuernColdFiles"].Expr)) == 0 {
		t.Error("QuernColdFiles does not fire")
	}
}

// TestAHealthyServerIsQuiet: no alert fires for a server that is busy, and made to do
// nothing but its work.
func TestAHealthyServerIsQuiet(t *testing.T) {
	r := aged(t, 0, func(c *Config) { c.Writer = writerFunc(func() error { return nil }) })
	s := scrapeTwice(t, r, func() {
		r.lookups(t, 50, oneOfV)
		r.lookups(t, 2, `{"view":"none","rows":[{"id":1}]}`)
		r.pushes(t, 3)
	})
	for name, rule := range alertRules(t) {
		if name == "QuernSlow" {
			continue // the machine of a test may be
		}
		if fired := s.fires(rule.Expr); len(fired) > 0 {
			t.Errorf("%s fires for a healthy server: %v", name, fired)
		}
	}
}
