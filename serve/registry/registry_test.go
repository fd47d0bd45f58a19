package registry

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/oracletest"
	"quern/serve/lookup"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/calls.txt anew")

//go:embed testdata/verify.py
var verifyScript string

// content is two views, one with every type, that share a key's name in two types.
func content() Content {
	drivers := &lookup.View{Name: "drivers", Version: "20261123", TTL: 36*time.Hour + 5, Created: "created_at",
		Keys: []column.Field{{Name: "driver_id", Type: column.Int64}}}
	for _, t := range column.Types() {
		drivers.Fields = append(drivers.Fields, lookup.Field{Name: t.String(), Type: t}, lookup.Field{Name: t.String() + "s", Type: column.ListOf(t)})
	}
	drivers.Fields = append(drivers.Fields, lookup.Field{Name: "raw", Type: column.String, Binary: true})
	pairs := &lookup.View{Name: "pairs", Version: "v2", Event: "seen",
		Keys:   []column.Field{{Name: "driver_id", Type: column.String}, {Name: "city", Type: column.Int32}},
		Fields: []lookup.Field{{Name: "trips", Type: column.Int64}, {Name: "pay", Type: column.Float32}}}
	return Content{
		Views: []*lookup.View{pairs, drivers}, // in any order
		Services: map[string][]lookup.Ref{
			"ranking": {{View: "drivers", Feature: "float32"}, {View: "drivers", Feature: "int64"}, {View: "pairs", Feature: "pay"}, {View: "drivers", Alias: "d", Feature: "bool"}},
			"pay":     {{View: "pairs", Feature: "pay"}},
		},
		Sources: map[string][]string{"drivers": {"drivers"}, "rides": {"drivers", "pairs"}, "pairs": {"pairs"}},
	}
}

func service(read, write func(context.Context, *lookup.View) error) *Service {
	c := content()
	s := &Service{Content: func() (Content, func()) { return c, func() {} }, MayWrite: write}
	if read != nil {
		s.MayRead = func(ctx context.Context, q *lookup.Query) error { return read(ctx, q.Parts[0].View) }
	}
	return s
}

// ask is the request of a call: fields 1, 2 and so on are texts.
func ask(texts ...string) (m message) {
	for i, t := range texts {
		m = m.text(protowire.Number(i+1), t)
	}
	return m
}

// recorded are calls and what they ask for; testdata/calls.txt has the answers.
func recorded() (all [][]string) {
	for _, line := range strings.Split(strings.TrimSpace(`
GetFeatureView drivers quern
GetFeatureView pairs
GetAnyFeatureView pairs quern
GetEntity driver_id quern
GetEntity driver_id:string quern
GetEntity city quern
GetFeatureService ranking quern
GetDataSource rides quern
GetDataSource quern://pairs quern
GetProject quern
ListAllFeatureViews quern
ListFeatureViews quern
ListEntities quern
ListFeatureServices quern
ListDataSources quern
ListProjects
ListStreamFeatureViews quern
ListOnDemandFeatureViews quern
ListLabelViews quern
ListSavedDatasets quern
ListValidationReferences quern
ListPermissions quern
Refresh quern`), "\n") {
		all = append(all, strings.Fields(line))
	}
	return all
}

// TestCalls holds every call against its recorded answer, and has Feast's own classes read
// the recordings: they know every field and write the same bytes.
func TestCalls(t *testing.T) {
	type exchange struct {
		Call    string `json:"call"`
		Request string `json:"request"`
		Reply   string `json:"reply"`
	}
	s := service(nil, nil)
	var all []exchange
	covered := map[string]bool{}
	for _, words := range recorded() {
		request := ask(words[1:]...)
		reply, err := s.Answer(context.Background(), words[0], request, nil)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		covered[words[0]] = true
		all = append(all, exchange{words[0], hex.EncodeToString(request), hex.EncodeToString(reply)})
	}
	for _, name := range Methods() {
		if !covered[name] {
			t.Errorf("%s is not recorded", name)
		}
	}
	asked, _ := json.Marshal(all)
	var read []struct {
		Request, Reply struct {
			Text        string
			Known, Same bool
		}
	}
	const path = "testdata/calls.txt"
	if _, err := os.Stat(path); err != nil || *rewrite {
		oracletest.Feast(t) // the text of a recording is Feast's
	}
	t.Run("Feast", func(t *testing.T) {
		oracletest.RunFeast(t, verifyScript, &read, string(asked))
		for i, r := range read {
			if !r.Request.Known || !r.Request.Same || !r.Reply.Known || !r.Reply.Same {
				t.Errorf("%v is not as Feast's classes have it: %+v", recorded()[i], r)
			}
		}
	})
	if *rewrite {
		var out strings.Builder
		for i, x := range all {
			fmt.Fprintf(&out, "%s %s\n  %s\n  %s\n", x.Call, read[i].Request.Text, read[i].Reply.Text, x.Reply)
		}
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	replies := golden(t, path)
	if len(replies) != len(all) {
		t.Fatalf("%d calls are recorded, want %d: run with -rewrite", len(replies), len(all))
	}
	for i, x := range all {
		if replies[i] != x.Reply {
			t.Errorf("%v: another reply\ngot  %s\nwant %s", recorded()[i], x.Reply, replies[i])
		}
	}
}

// golden returns the replies of a recording.
func golden(t *testing.T, path string) (replies []string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		if n%3 == 2 {
			replies = append(replies, strings.TrimSpace(lines.Text()))
		}
	}
	return replies
}

// TestOnlyWhatMayBeSeen: a caller sees what it may read or write, and nothing else.
func TestOnlyWhatMayBeSeen(t *testing.T) {
	no := errors.New("no")
	only := func(name string) func(context.Context, *lookup.View) error {
		return func(_ context.Context, v *lookup.View) error {
			if v.Name == name {
				return nil
			}
			return no
		}
	}
	for name, c := range map[string]struct {
		s     *Service
		views string
		serve string
	}{
		"reads pairs":               {service(only("pairs"), only("")), "pairs", "pay"},
		"writes drivers":            {service(only(""), only("drivers")), "drivers", ""},
		"reads one, writes another": {service(only("pairs"), only("drivers")), "drivers pairs", "pay"},
		"nothing":                   {service(only(""), only("")), "", ""},
		"all":                       {service(nil, nil), "drivers pairs", "pay ranking"},
	} {
		all, done := c.s.Content()
		w := c.s.look(context.Background(), &all, "")
		done()
		var views []string
		for _, v := range w.views {
			views = append(views, v.Name)
		}
		if got := strings.Join(views, " "); got != c.views {
			t.Errorf("%s: sees the views %q, want %q", name, got, c.views)
		}
		if got := strings.Join(w.services, " "); got != c.serve {
			t.Errorf("%s: sees the services %q, want %q", name, got, c.serve)
		}
		for _, method := range Methods() {
			reply, err := c.s.Answer(context.Background(), method, ask("drivers"), nil)
			if c.views == "pairs" && (strings.Contains(string(reply), "timestamp") || err == nil && method == "GetFeatureView") {
				t.Errorf("%s: %s tells of the view drivers: %q %v", name, method, reply, err)
			}
		}
	}
	// Features one by one.
	s := service(nil, only(""))
	s.MayRead = func(_ context.Context, q *lookup.Query) error {
		if f := q.Fields[0].Name; f == "pay" || f == "int64" {
			return nil
		}
		return no
	}
	reply, err := s.Answer(context.Background(), "ListFeatureViews", nil, nil)
	if err != nil || strings.Contains(string(reply), "trips") || !strings.Contains(string(reply), "pay") {
		t.Errorf("%q %v", reply, err)
	}
}

// TestRefused: what is not there, cannot be read, or would be ignored.
func TestRefused(t *testing.T) {
	s := service(nil, nil)
	tags := message(nil).text(1, "quern_version").text(2, "v2")
	for _, c := range []struct {
		call    string
		request message
		code    diag.Code
	}{
		{"GetFeatureView", ask("none", "p"), "Q601"},
		{"GetAnyFeatureView", nil, "Q601"},
		{"GetFeatureService", ask(strings.Repeat("long", 1000)), "Q603"},
		{"GetEntity", ask("none"), "Q626"},
		{"GetDataSource", ask("none"), "Q626"},
		{"GetEntity", message{0x0a, 5, 'x'}, "Q614"},
		{"GetEntity", ask("\xff"), "Q614"},
		{"ListEntities", ask("p").message(3, message{0xff}), "Q614"},
		{"ListAllFeatureViews", ask("p").text(4, "driver_id"), "Q627"},
		{"ListFeatureServices", ask("p").message(5, message(nil).number(2, 3)), "Q627"},
		{"ListFeatureServices", ask("p").message(5, nil), ""}, // a choice of nothing
		{"ListFeatureViews", ask("p").message(3, tags), ""},
	} {
		_, err := s.Answer(context.Background(), c.call, c.request, nil)
		var e *diag.Error
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.call, err)
			}
		} else if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want %s", c.call, err, c.code)
		}
	}
	reply, _ := s.Answer(context.Background(), "ListFeatureViews", ask("p").message(3, tags), nil)
	if !strings.Contains(string(reply), "trips") || strings.Contains(string(reply), "float32") {
		t.Errorf("tags choose %q", reply)
	}
}

// FuzzAnswer: no message makes a call panic or blame itself.
func FuzzAnswer(f *testing.F) {
	for i, words := range recorded() {
		f.Add(i, []byte(ask(words[1:]...)))
	}
	f.Add(11, []byte(ask("p").message(3, message(nil).text(1, "a").text(2, "b"))))
	s := service(nil, nil)
	f.Fuzz(func(t *testing.T, i int, request []byte) {
		names := Methods()
		_, err := s.Answer(context.Background(), names[uint(i)%uint(len(names))], request, nil)
		var e *diag.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%x: %v", request, err)
		}
	})
}
