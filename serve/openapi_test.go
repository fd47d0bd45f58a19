package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"quern/cpu"
	"quern/features/column"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/serve/access"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
	"quern/serve/transform"
)

var rewrite = flag.Bool("rewrite", false, "write the replies in openapi.json anew instead of comparing with them")

// operation is what a test reads of an operation of openapi.json.
type operation struct {
	OperationID string
	Security    *[]any
	Parameters  []struct{ Name, In, Example string }
	RequestBody struct{ Content map[string]media }
	Responses   map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]media
	}
}

type media struct {
	Schema struct {
		Ref string `json:"$ref"`
	}
	Examples map[string]struct {
		Summary string
		Value   any
	}
}

func openAPIPaths(t *testing.T) map[string]map[string]*operation {
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]*operation
	}
	check(t, json.Unmarshal(openAPI, &doc))
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) == 0 {
		t.Fatal("serve/openapi.json is no OpenAPI 3.1")
	}
	return doc.Paths
}

// TestOpenAPIIsTheTable: every call over HTTP is in the file, and nothing else.
func TestOpenAPIIsTheTable(t *testing.T) {
	r := newRig(t, livetest.NewShelf(t), nil)
	paths := openAPIPaths(t)
	told := map[string]bool{}
	for path, verbs := range paths {
		at, parameter, _ := strings.Cut(path, "{")
		for verb, o := range verbs {
			told[strings.ToUpper(verb)+" "+at] = true
			to := r.server.router.calls[at]
			if to == nil {
				t.Errorf("%s %s is in openapi.json, and not in the table of routes", verb, path)
				continue
			}
			if open := o.Security != nil && len(*o.Security) == 0; open != (to.needs == access.None) {
				t.Errorf("%s: openapi.json and the table do not agree whether it needs a token", path)
			}
			if (parameter != "") != (strings.HasSuffix(to.path, "/")) {
				t.Errorf("%s is a tree of calls in one of openapi.json and the table only", path)
			}
		}
	}
	for _, to := range r.server.routes() {
		if !to.grpc && !told[to.verb+" "+to.path] {
			t.Errorf("%s %s is not in openapi.json", to.verb, to.path)
		}
	}
}

// exemplary is a server that the examples of openapi.json were made for.
func exemplary(t *testing.T) *rig {
	s := livetest.NewShelf(t)
	v := lookup.View{Name: "drivers", Version: "v1", TTL: 24 * time.Hour, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}},
		Fields: []lookup.Field{{Name: "rate", Type: column.Float32}, {Name: "trips", Type: column.Int64}, {Name: "name", Type: column.String}}}
	rows := &lookup.Rows{}
	rows.Reset(&v)
	for i := range 3 {
		rows.Keys[0].AddInt(int64(i + 1))
		rows.Fields[0].AddFloat(float64(i+1) / 4)
		rows.Fields[1].AddNull()
		rows.Fields[2].AddString([]byte([]string{"Ada", "Ben", "Cem"}[i]))
		rows.Event = append(rows.Event, livetest.Clock().Add(-time.Duration(i*20)*time.Hour).UnixMicro())
		rows.Created = append(rows.Created, lookup.NoTime)
		rows.Rows++
	}
	wanted := s.Add(v, rows, 1)
	s.Change(wanted.Name, func(o *live.Opened) {
		o.Services = map[string][]lookup.Ref{"dispatch": {{View: "drivers", Feature: "rate"}, {View: "drivers", Feature: "name"}}}
		o.Sources = []string{"drivers_push"}
	})
	s.Serve(wanted)
	r := newRig(t, s, func(c *Config) {
		c.Writer = nowhere{}
		c.Models = map[string]*transform.Transformer{"fares": fares(t)}
	})
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	return r.start(t)
}

// nowhere is where pushed rows go.
type nowhere struct{}

func (nowhere) Write(context.Context, *lookup.Rows) error { return nil }

// fares is a model of two features.
func fares(t testing.TB) *transform.Transformer {
	folder := t.TempDir()
	check(t, os.WriteFile(filepath.Join(folder, "rides.csv"), []byte("distance,late\n1.5,true\n4,false\n2.5,false\n"), 0o644))
	r, err := recipe.Parse(filepath.Join(folder, "fares.yaml"), []byte(`quern: 1
name: fares
source: {csv: rides.csv}
features:
  - columns: [distance]
    steps: [{fill: {with: 0}}]
  - name: fare
    expr: "if(late, 0, distance * 2)"
    steps: [{fill: {with: 0}}]
`))
	check(t, err)
	o := pipeline.Options{Backend: cpu.New()}
	fitted, err := pipeline.Fit(context.Background(), r, o)
	check(t, err)
	m, err := transform.New(fitted.Model, o.Backend)
	check(t, err)
	return m
}

// TestOpenAPIExamples makes every request that openapi.json has an example of, and gets the
// reply that is there beside it, under the same name. Digests of models may differ.
func TestOpenAPIExamples(t *testing.T) {
	r := exemplary(t)
	doc := map[string]any{}
	check(t, json.Unmarshal(openAPI, &doc))
	schemas := schemasOf(t, doc)
	made := 0
	for path, verbs := range openAPIPaths(t) {
		for verb, o := range verbs {
			url := r.url + path
			for _, p := range o.Parameters {
				url = strings.Replace(url, "{"+p.Name+"}", p.Example, 1)
			}
			in := o.RequestBody.Content["application/json"]
			if verb == "get" {
				status, _ := call(t, http.DefaultClient, http.MethodGet, url, "")
				if o.Responses[strconv.Itoa(status)].Content == nil && path != "/health" || status != 200 {
					t.Errorf("GET %s: status %d", path, status)
				}
				made++
				continue
			}
			if len(in.Examples) == 0 {
				t.Errorf("%s %s has no example", verb, path)
			}
			for name, example := range in.Examples {
				body, err := json.Marshal(example.Value)
				check(t, err)
				schemas(in.Schema.Ref, body)
				status, text := call(t, http.DefaultClient, strings.ToUpper(verb), url, string(body), "Content-Type", "application/json")
				made++
				at := strconv.Itoa(status)
				out, told := o.Responses[at]
				if !told {
					t.Errorf("%s, example %s: status %d is not in openapi.json: %s", path, name, status, text)
					continue
				}
				if text == "" && out.Content == nil {
					continue
				}
				reply := out.Content["application/json"]
				schemas(reply.Schema.Ref, []byte(text))
				if *rewrite {
					put(doc, path, verb, at, name, text)
				} else if want := reply.Examples[name].Value; !sameReply([]byte(text), want) {
					t.Errorf("%s, example %s: status %d, %s\nwant %v", path, name, status, text, want)
				}
			}
		}
	}
	if made < 15 {
		t.Errorf("only %d examples", made)
	}
	if *rewrite {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		check(t, e.Encode(doc))
		check(t, os.WriteFile("openapi.json", text.Bytes(), 0o644))
	}
}

// sameReply compares a reply with an example.
func sameReply(text []byte, want any) bool {
	var got any
	if json.Unmarshal(text, &got) != nil {
		return false
	}
	for _, one := range []any{got, want} {
		if m, ok := one.(map[string]any); ok {
			if model, ok := m["model"].(map[string]any); ok {
				model["digest"] = ""
			}
		}
	}
	return reflect.DeepEqual(got, want)
}

// put sets the example of a reply.
func put(doc map[string]any, path, verb, status, name, text string) {
	at := doc
	for _, key := range []string{"paths", path, verb, "responses", status, "content", "application/json", "examples", name} {
		next, ok := at[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[key] = next
		}
		at = next
	}
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		panic(err)
	}
	at["value"] = value
}

// schemasOf returns what checks a text against a schema of the file, by another
// implementation of JSON Schema.
func schemasOf(t *testing.T, doc map[string]any) func(ref string, text []byte) {
	c := jsonschema.NewCompiler()
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(openAPI))
	check(t, err)
	check(t, c.AddResource("openapi.json", parsed))
	all := slices.Sorted(func(yield func(string) bool) {
		for name := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
			if !yield(name) {
				return
			}
		}
	})
	for _, name := range all { // each is a schema
		_, err := c.Compile("openapi.json#/components/schemas/" + name)
		check(t, err)
	}
	return func(ref string, text []byte) {
		t.Helper()
		if ref == "" {
			return
		}
		s, err := c.Compile("openapi.json" + ref)
		check(t, err)
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = s.Validate(value)
		}
		if err != nil {
			t.Errorf("%s against %s: %v", text, ref, err)
		}
	}
}
