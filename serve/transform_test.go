package serve

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/internal/oracletest"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/fieldstatus"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
	"quern/serve/tensor"
	"quern/serve/transform"
	"quern/serve/view"
)

// tripRecipe is a recipe with every type of column that JSON has to carry.
const tripRecipe = `quern: 1
name: trips
source: {parquet: trips.parquet}
key: [id]
time: at
keep: [other]
features:
  - name: big
    expr: "id - 9007199254740992"
  - columns: [distance]
    steps: [standardize]
  - columns: [city]
    steps: [{categorify: {min_count: 1}}]
  - columns: [at]
    steps: [{datetime: {parts: [hour], zone: UTC}}]
  - name: fee32
    expr: "fee"
  - name: tags_n
    expr: "length(tags)"
  - columns: [tags]
    as: "{column}_id"
    steps: [{categorify: {min_count: 1}}]
  - name: next_day
    expr: "day"
    steps: [{datetime: {parts: [day]}}]
  - name: product
    expr: "id * 4"
output:
  parquet: {path: out}
`

func tripSchema() column.Schema {
	return column.Schema{{Name: "id", Type: column.Int64}, {Name: "distance", Type: column.Int32}, {Name: "city", Type: column.String},
		{Name: "at", Type: column.Timestamp}, {Name: "fee", Type: column.Float32}, {Name: "tags", Type: column.ListOf(column.String)},
		{Name: "day", Type: column.Date}, {Name: "other", Type: column.Bool}}
}

// tripRows makes n rows.
func tripRows(n int) column.Batch {
	schema := tripSchema()
	cells := make([]lookup.Cells, len(schema))
	for i := range cells {
		cells[i].Reset(schema[i].Type, false)
	}
	for r := range n {
		cells[0].AddInt(int64(r))
		cells[1].AddInt(int64(r * 7 % 100))
		cells[2].AddString([]byte([]string{"Bern", "Rom"}[r%2]))
		cells[3].AddMicros(int64(r) * 3600e6)
		cells[4].AddFloat(float64(r) / 8)
		for k := range r % 3 {
			cells[5].Element().AddString([]byte{'a' + byte(k)})
		}
		cells[5].End()
		cells[6].AddString([]byte("2001-02-03"))
		cells[7].AddBool(true)
	}
	b := column.Batch{Rows: n}
	for i := range cells {
		b.Columns = append(b.Columns, column.Column{Len: n, Values: cells[i].Vector})
	}
	return b
}

// trips publishes the view trips, and returns a server of it and of the model "alone".
func trips(t testing.TB, change func(*Config)) (*Server, *model.Model) {
	t.Helper()
	ctx, dir := context.Background(), t.TempDir()
	file := filepath.Join(dir, "trips.yaml")
	r, err := recipe.Parse(file, []byte(tripRecipe))
	check(t, err)
	writeTable(t, filepath.Join(dir, "trips.parquet"), tripSchema(), tripRows(50))
	o := pipeline.Options{Backend: cpu.New()}
	fitted, err := pipeline.Fit(ctx, r, o)
	check(t, err)
	s := &view.Store{Folder: filepath.Join(dir, "store")}
	_, err = s.Publish(ctx, fitted.Model, r, view.PublishOptions{Options: o})
	check(t, err)
	g := live.NewGenerations(&live.Published{Store: s, Backend: o.Backend}, t.Logf)
	_, err = g.Reload(ctx)
	check(t, err)
	t.Cleanup(func() { g.Close() })
	alone, err := transform.New(fitted.Model, o.Backend)
	check(t, err)
	c := Config{Generations: g, Log: t.Logf, Models: map[string]*transform.Transformer{"alone": alone}}
	if change != nil {
		change(&c)
	}
	return New(c), fitted.Model
}

const oneTrip = `{"id": 9007199254740993, "distance": 50.0, "city": "Bern", "at": "2001-01-02T03:04:05.000001+01:00", "fee": 0.1, "tags": ["a", null, "z\u00fc"], "day": "2001-02-03", "other": false}`

// post sends a request to a handler without a network.
func post(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestTransformJSON: values are what they say, exactly, and the reply names its model.
func TestTransformJSON(t *testing.T) {
	s, m := trips(t, nil)
	w := post(s, "/v1/transform/trips", `{"rows": [`+oneTrip+`, {"tags": null, "fee": "NaN", "at": null, "city": null, "distance": null, "day": null, "id": null}]}`)
	var got struct {
		Model struct{ Name, Version, Digest string }
		Names []string
		Rows  [][]any
	}
	d := json.NewDecoder(strings.NewReader(w.Body.String()))
	d.UseNumber()
	check(t, d.Decode(&got))
	if got.Model.Name != "trips" || got.Model.Digest != m.Digest() || got.Model.Version == "" ||
		w.Header().Get("Quern-Model") != "trips@"+got.Model.Version || w.Header().Get("Quern-Model-Digest") != m.Digest() {
		t.Errorf("the reply is of %+v, %v", got.Model, w.Header())
	}
	values := map[string]any{}
	for i, name := range got.Names {
		values[name] = got.Rows[0][i]
	}
	text, _ := json.Marshal(values)
	for _, want := range []string{`"big":1`, `"fee32":0.1`, `"at_hour":2`, `"next_day_day":3`, `"tags_n":3`, `"product":36028797018963972`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
	version := got.Model.Version
	for _, path := range []string{"/v1/transform/trips@" + version, "/v1/transform/alone"} {
		if other := post(s, path, `[`+oneTrip+`]`); other.Code != 200 || !strings.Contains(other.Body.String(), `"product"`) {
			t.Errorf("%s: %d %s", path, other.Code, other.Body)
		}
	}
	columns := post(s, "/v1/transform/alone", `{"columns": {"id": [1], "distance": [2], "city": ["Rom"], "at": [0], "fee": [1e0], "tags": [[]], "day": ["2001-02-03"]}}`)
	if columns.Code != 200 || !strings.Contains(columns.Body.String(), `"columns":{"big":[-9007199254740991],`) {
		t.Errorf("%d %s", columns.Code, columns.Body)
	}
}

// TestTransformMistakes: what is wrong with a request is said, with its place; no mistake is
// a 5xx.
func TestTransformMistakes(t *testing.T) {
	s, _ := trips(t, func(c *Config) { c.Limits.Rows = 3 })
	with := func(old, new string) string { return `{"rows":[` + strings.Replace(oneTrip, old, new, 1) + `]}` }
	for _, c := range []struct {
		path, body string
		code       int
		says       string
	}{
		{"trips", with(`"city": "Bern", `, ``), 422, `row 0 has no column \\\"city\\\"`},
		{"trips", with(`"city"`, `"ctiy"`), 422, `did you mean \\\"city\\\"?`},
		{"trips", with(`"city": "Bern"`, `"fee": 1`), 422, `column \\\"fee\\\" is there twice`},
		{"trips", with(`50.0`, `50.5`), 422, `50.5 is no whole number`},
		{"trips", with(`50.0`, `3000000000`), 422, `out of the range`},
		{"trips", with(`9007199254740993`, `9223372036854775807`), 422, `integer overflow`},
		{"trips", with(`9007199254740993`, `9223372036854775808`), 422, `out of the range`},
		{"trips", with(`"Bern"`, `["Bern"]`), 422, `array or an object`},
		{"trips", with(`"Bern"`, `true`), 422, `type that the column cannot take`},
		{"trips", with(`["a", null, "z\u00fc"]`, `"a"`), 422, `the column is list<string>`},
		{"trips", with(`"a", null`, `[]`), 422, `array or an object`},
		{"trips", with(`false`, `{"a": {}}`), 422, `nested too deep`},
		{"trips", with(`\u00fc`, `\ud800`), 422, `an escape stands for no character`},
		{"trips", with(`Bern`, "\xff"), 422, `not UTF-8`},
		{"trips", with(`2001-02-03`, `2001-02-30`), 422, `no day like`},
		{"trips", `{"rows":[]}`, 422, `no rows`},
		{"trips", `{}`, 422, `no rows`},
		{"trips", `{"rows":[` + oneTrip + `]} x`, 422, `something follows`},
		{"trips", `{"rows":[` + oneTrip + `], "rows":[]}`, 422, `one of rows and columns`},
		{"trips", `{"row":[]}`, 422, `one of rows and columns`},
		{"trips", `{"rows":[` + strings.Repeat(oneTrip+",", 3) + oneTrip + `]}`, 413, `more than 3 rows`},
		{"trips", `{"columns":{"id":[1,2],"fee":[1]}}`, 422, `has 1 values where the others have 2`},
		{"trips", `{"columns":{"id":[1,2]}}`, 422, `there is no column`},
		{"trips", ``, 422, `no JSON`},
		{"tripz", `[` + oneTrip + `]`, 404, `did you mean \\\"trips\\\"?`},
		{"trips@v7", `[` + oneTrip + `]`, 404, `no model`},
		{"", `[` + oneTrip + `]`, 404, `no model`},
	} {
		w := post(s, "/v1/transform/"+c.path, c.body)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s %s: %d %s, want %d and %s", c.path, c.body, w.Code, w.Body, c.code, c.says)
		}
	}
	narrow, _ := trips(t, func(c *Config) { c.Limits.Cells = 30 }) // three rows of ten features, some of them lists
	if w := post(narrow, "/v1/transform/trips", `[`+strings.Repeat(oneTrip+",", 3)+oneTrip+`]`); w.Code != 413 {
		t.Errorf("four rows: %d %s", w.Code, w.Body)
	}
	if w := post(s, "/v1/transform/trips", `[`+oneTrip+`]`, "Accept", "text/html"); w.Code != http.StatusNotAcceptable {
		t.Errorf("text/html: %d %s", w.Code, w.Body)
	}
	if w := post(s, "/v1/transform/trips", `[`+oneTrip+`]`, "Content-Type", tensor.ContentType); w.Code != 422 || !strings.Contains(w.Body.String(), "tensor message") {
		t.Errorf("JSON that is said to be a tensor: %d %s", w.Code, w.Body)
	}
}

// TestAccepted: the greatest q wins, and the first of equals.
func TestAccepted(t *testing.T) {
	for text, want := range map[string]form{
		"": formJSON, "*/*": formJSON, "application/*;q=0.1": formJSON, tensor.ContentType: formTensor,
		tensor.ContentType + "; layout=rows": formTensorRows, typeArrow + ";q=0.9, application/json;q=0.5": formArrow,
		"application/json;q=0.5, " + typeArrow: formArrow, "text/html, " + tensor.ContentType + ";q=0.2": formTensor,
		tensor.ContentType + ";layout=odd, */*;q=0.1": formJSON,
	} {
		r := httptest.NewRequest("POST", "/", nil)
		if text != "" {
			r.Header.Set("Accept", text)
		}
		if got, err := accepted(r); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"text/html", "application/json;q=0", tensor.ContentType + ";layout=odd", "///", "application/json;q=2"} {
		r := httptest.NewRequest("POST", "/", nil)
		r.Header.Set("Accept", text)
		if _, err := accepted(r); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// TestTransformToken: a token may use the models that it is granted, and sees no others.
func TestTransformToken(t *testing.T) {
	s, _ := trips(t, func(c *Config) {
		c.Tokens = tokensOf(t, `{"tokens": [{"name": "a", "token": "`+readerToken+`", "transform": ["alone"]},
			{"name": "b", "token": "`+strings.ToUpper(readerToken)+`", "read": ["*"]}]}`)
	})
	for _, c := range []struct {
		path, token string
		code        int
	}{{"alone", readerToken, 200}, {"trips", readerToken, 403}, {"none", readerToken, 403}, {"alone", strings.ToUpper(readerToken), 403}, {"alone", "", 401}} {
		if w := post(s, "/v1/transform/"+c.path, `[`+oneTrip+`]`, "Authorization", "Bearer "+c.token); w.Code != c.code {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
	r.Header.Set("Authorization", "Bearer "+readerToken)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if text := w.Body.String(); w.Code != 200 || !strings.Contains(text, `"name":"alone"`) || strings.Contains(text, "trips") ||
		!strings.Contains(text, `{"name":"tags","type":"list<string>"}`) || !json.Valid(w.Body.Bytes()) {
		t.Errorf("%d %s", w.Code, text)
	}
}

// TestFormsAgree: a look-up and a transform say the same as JSON, as tensors of both layouts
// and as Arrow, which pyarrow reads.
func TestFormsAgree(t *testing.T) {
	s, _ := trips(t, nil)
	body := `{"view": "trips", "rows": [{"id": 7}, {"id": 5000}, {"id": 8}]}`
	read := func(accept string) *tensor.Message {
		w := post(s, "/v1/lookup", body, "Accept", accept)
		m := &tensor.Message{}
		if err := tensor.Read(w.Body.Bytes(), tensor.Answer, tensor.Limits{}, m); err != nil {
			t.Fatalf("%d: %v", w.Code, err)
		}
		return m
	}
	columns, rows := read(tensor.ContentType), read(tensor.ContentType+"; layout=rows")
	schema, err := tensor.ParseSchema(columns.Schema)
	check(t, err)
	if columns.Layout != tensor.Columns || rows.Layout != tensor.Rows || string(columns.Schema) != string(rows.Schema) || schema.Views[0].View != "trips" {
		t.Errorf("schema %s", columns.Schema)
	}
	if st := columns.Views[0].Status; st[0] != 1 || st[1] != 3 || st[2] != 1 || columns.Views[0].Event[1] != math.MinInt64 {
		t.Errorf("statuses %v, times %v", st, columns.Views[0].Event)
	}
	for i := range columns.Columns {
		a, b := &columns.Columns[i].Values.Values, &rows.Columns[i].Values.Values
		for r := range 3 {
			if !a.Equal(r, b, r) || a.Null(r) != (r == 1) {
				t.Errorf("%s, row %d", schema.Columns[i], r)
			}
		}
	}
	dir := t.TempDir()
	var files []string
	for path, body := range map[string]string{"/v1/lookup": body, "/v1/transform/trips": "[" + oneTrip + "]"} {
		w := post(s, path, body, "Accept", typeArrow)
		if w.Code != 200 || w.Header().Get("Content-Type") != typeArrow {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		files = append(files, writeFile(t, filepath.Join(dir, strings.ReplaceAll(path, "/", "_")), w.Body.Bytes()))
	}
	var got map[string]map[string][]any
	oracletest.Run(t, `
import json, pyarrow as pa, sys
out = {}
for path in sys.argv[1:]:
    table = pa.ipc.open_stream(open(path, "rb").read()).read_all()
    table.validate(full=True)
    out[path.split("_")[2]] = {name: [str(x) for x in table[name].to_pylist()] for name in table.column_names}
print(json.dumps(out))`, &got, files...)
	text, _ := json.Marshal(got)
	for _, want := range []string{`"trips:status":["PRESENT","NOT_FOUND","PRESENT"]`, `"product":["28","None","32"]`, `"product":["36028797018963972"]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

// TestTensorKeys: keys in a tensor message find what keys in JSON do; mistakes are 4xx.
func TestTensorKeys(t *testing.T) {
	s, _ := trips(t, nil)
	message := func(schema string, columns ...column.Column) string {
		m := &tensor.Message{Kind: tensor.Keys, Rows: columns[0].Len, Schema: []byte(schema)}
		for _, c := range columns {
			m.Columns = append(m.Columns, tensor.Column{Values: c})
		}
		return string(tensor.Append(nil, m))
	}
	ids := column.Column{Len: 2, Values: column.Vector{Type: column.Int64, Len: 2, Int64s: []int64{7, 5000}}}
	small := column.Column{Len: 2, Values: column.Vector{Type: column.Int32, Len: 2, Int32s: []int32{7, 5000}}}
	reals := column.Column{Len: 2, Values: column.Vector{Type: column.Float64, Len: 2, Float64s: []float64{7, 5000}}}
	nulls := ids
	nulls.Values.Valid = column.Bitmap{1}
	want := post(s, "/v1/lookup", `{"features":["trips:product"],"rows":[{"id":7},{"id":5000}]}`).Body.String()
	for _, c := range []struct {
		body string
		code int
	}{
		{message(`{"columns":["id"],"features":["trips:product"]}`, ids), 200},
		{message(`{"columns":["id"],"features":["trips:product"]}`, small), 200},
		{message(`{"columns":["id"],"features":["trips:product"]}`, reals), 422},
		{message(`{"columns":["id"],"features":["trips:product"]}`, nulls), 422},
		{message(`{"columns":["id","id2"],"features":["trips:product"]}`, ids, ids), 422},
		{message(`{"columns":["no"],"features":["trips:product"]}`, ids), 422},
		{message(`{"columns":["id"],"features":["trips:produkt"]}`, ids), 404},
		{message(`{"columns":["id"],"view":"none"}`, ids), 404},
		{message(`{"columns":["id"]}`, ids), 422},
		{message(`{"columns":["id","b"],"view":"trips"}`, ids), 422},
		{message(`{"columns":["id"],"view":"trips","odd":1}`, ids), 422},
		{message(`nonsense`, ids), 422},
	} {
		for range 2 { // the second time from caches
			w := post(s, "/v1/lookup", c.body, "Content-Type", tensor.ContentType)
			if w.Code != c.code || c.code == 200 && w.Body.String() != want {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.code)
			}
		}
	}
}

func writeFile(t testing.TB, path string, data []byte) string {
	t.Helper()
	check(t, os.WriteFile(path, data, 0o644))
	return path
}

// TestTensorIsJSON: a tensor says what JSON says of every value, under all rules: of rows
// that are missing, old, and with nulls.
func TestTensorIsJSON(t *testing.T) {
	for _, rules := range []lookup.Rules{{}, {KeepStale: true}, {Compat: lookup.FeastGo}, {Compat: lookup.FeastPython}} {
		shelf, v := livetest.NewShelf(t), livetest.Drivers("1")
		shelf.Serve(shelf.Add(v, livetest.RandomRows(&v, 200, 3), 2))
		r := newRig(t, shelf, func(c *Config) { c.Rules = rules })
		_, err := r.generations.Reload(t.Context())
		check(t, err)
		body := []byte(`{"view": "drivers", "rows": [`)
		for i := range 130 {
			body = append(append(comma(body, i), `{"driver_id": `...), strconv.Itoa(i*2)+"}"...)
		}
		body = append(body, "]}"...)
		var want struct {
			Rows []struct {
				Features map[string]json.RawMessage
				Status   map[string]string
			}
		}
		check(t, json.Unmarshal(post(r.server, "/v1/lookup", string(body)).Body.Bytes(), &want))
		var m tensor.Message
		check(t, tensor.Read(post(r.server, "/v1/lookup", string(body), "Accept", tensor.ContentType).Body.Bytes(), tensor.Answer, tensor.Limits{}, &m))
		gaps := 0
		for i := range m.Columns {
			for k, row := range want.Rows {
				got, wanted := string(appendCell(nil, &m.Columns[i].Values, k)), string(row.Features[v.Fields[i].Name])
				if got != wanted || m.Columns[i].There(k) != (wanted != "null") {
					t.Fatalf("%+v: field %d, row %d: the tensor has %s, JSON %s", rules, i, k, got, wanted)
				}
				if wanted == "null" && m.Views[0].Status[k] != byte(fieldstatus.NotFound) {
					gaps++
				}
				if status := fieldstatus.Status(m.Views[0].Status[k]); status == fieldstatus.OutsideMaxAge && wanted != "null" && row.Status[v.Fields[i].Name] != "OUTSIDE_MAX_AGE" {
					t.Fatalf("%+v: field %d, row %d is old only in the tensor", rules, i, k)
				}
			}
		}
		if gaps == 0 {
			t.Errorf("%+v: no value was null", rules)
		}
		r.generations.Close()
	}
}
