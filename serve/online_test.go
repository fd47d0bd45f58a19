package serve

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"quern/cpu"
	"quern/features/column"
	"quern/features/featurestest"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
	"quern/serve/jsontext"
	"quern/serve/live"
	"quern/serve/tensor"
	"quern/serve/view"
)

// TestOfflineIsOnline: the features of every operator of the catalogue have equal bits in
// files, by publish and look-up, and computed on request: of raw rows in tensors and in
// JSON, in batches and one by one.
func TestOfflineIsOnline(t *testing.T) {
	rows := 10_000
	if testing.Short() || raceEnabled {
		rows = 500
	}
	be := cpu.New()
	joints, err := featurestest.Joints(be, rows, 1)
	check(t, err)
	if len(joints) > 20 {
		t.Errorf("%d recipes for the samples of the catalogue: they do not share", len(joints))
	}
	for i, j := range joints {
		t.Run(fmt.Sprint(i), func(t *testing.T) { newOnline(t, j, pipeline.Options{Backend: be}).check(t) })
	}
}

// online is a joint that was fitted, transformed and published, and a server of it.
type online struct {
	featurestest.Joint
	model  *model.Model
	want   []column.Column // by feature, from the files
	server *Server
}

func newOnline(t *testing.T, j featurestest.Joint, o pipeline.Options) *online {
	ctx, dir := context.Background(), t.TempDir()
	r := j.Recipe
	source, out := filepath.Join(dir, "rows.parquet"), filepath.Join(dir, "out")
	r.Source = recipe.Source{Format: recipe.Parquet, Files: []recipe.Name{{Text: source}}}
	r.Output.Parquet = &recipe.ParquetOutput{Path: recipe.Name{Text: out}}
	if r.Name.Text == "joint1" {
		r.Output.Parquet.DType = recipe.Float64
	}
	fitted, err := pipeline.FitSource(ctx, r, featurestest.NewSource(j.Schema, j.Learn), o)
	check(t, err)
	writeTable(t, source, j.Schema, j.Rows)
	_, err = pipeline.Transform(ctx, fitted.Model, r, false, o)
	check(t, err)
	x := &online{Joint: j, model: fitted.Model}
	x.want = readTable(t, out, fitted.Model.Serving.Fields().Names(), o)
	s := &view.Store{Folder: filepath.Join(dir, "store")}
	_, err = s.Publish(ctx, fitted.Model, r, view.PublishOptions{Options: o, Shards: 2})
	check(t, err)
	g := live.NewGenerations(&live.Published{Store: s, Backend: o.Backend}, t.Logf)
	_, err = g.Reload(ctx)
	check(t, err)
	t.Cleanup(func() { g.Close() })
	x.server = New(Config{Generations: g, Deadline: 1e12, Log: t.Logf})
	return x
}

// writeTable writes a batch as a Parquet file.
func writeTable(t testing.TB, path string, schema column.Schema, rows column.Batch) {
	t.Helper()
	f, err := os.Create(path)
	check(t, err)
	var fields []sink.Field
	for _, c := range schema {
		fields = append(fields, sink.Field{Field: c, Role: program.RoleKeep})
	}
	p, err := parquet.Format{}.NewPart(f, fields)
	check(t, err)
	check(t, p.Write(rows))
	check(t, p.Close())
	check(t, f.Close())
}

// readTable reads columns of the Parquet files in a folder, in the order of their rows.
func readTable(t *testing.T, folder string, columns []string, o pipeline.Options) []column.Column {
	t.Helper()
	src, err := pipeline.Open(context.Background(), &recipe.Recipe{Source: recipe.Source{Format: recipe.Parquet,
		Files: []recipe.Name{{Text: filepath.Join(folder, "*.parquet")}}}}, o)
	check(t, err)
	defer src.Close()
	reader, err := src.NewReader(columns)
	check(t, err)
	defer reader.Close()
	all := make([]column.Column, len(columns))
	for _, c := range src.Chunks() {
		b, err := reader.Read(context.Background(), c)
		check(t, err)
		for i := range all {
			all[i].Values.Type = b.Columns[i].Type()
			for r := range b.Rows {
				program.AppendStored(&all[i].Values, program.ValueAt(&b.Columns[i].Values, b.Columns[i].Slot(r)))
			}
			all[i].Len = all[i].Values.Len
		}
	}
	return all
}

// step is how many rows a request has.
const step = 1000

func (x *online) check(t *testing.T) {
	n := x.Rows.Rows
	for from := 0; from < n; from += step {
		rows := make([]int, min(step, n-from))
		for i := range rows {
			rows[i] = from + i
		}
		x.same(t, "looked up", rows, x.lookup(t, rows))
		x.same(t, "transformed from a tensor", rows, x.transform(t, tensor.ContentType, x.tensorOf(rows)))
		if rows = x.textual(rows); len(rows) > 0 {
			x.same(t, "transformed from JSON", rows, x.transform(t, "application/json", x.jsonOf(rows)))
		}
	}
	for r := range min(n, 100) {
		if rows := x.textual([]int{r}); len(rows) > 0 {
			x.same(t, "transformed alone", rows, x.transform(t, "application/json", x.jsonOf(rows)))
		}
	}
}

// same compares a reply with the files.
func (x *online) same(t *testing.T, how string, rows []int, m *tensor.Message) {
	t.Helper()
	fields := x.model.Serving.Fields()
	if m.Rows != len(rows) || len(m.Columns) != len(fields) {
		t.Fatalf("%s: %d rows of %d features, want %d of %d", how, m.Rows, len(m.Columns), len(rows), len(fields))
	}
	for i := range m.Columns {
		got, want := &m.Columns[i].Values.Values, &x.want[i].Values
		if got.Type != want.Type {
			t.Fatalf("%s: %s is %v, in the files %v", how, fields[i].Name, got.Type, want.Type)
		}
		for k, r := range rows {
			if !got.Equal(k, want, r) {
				t.Fatalf("%s: %s (%v), row %d: %+v, in the files %+v", how, fields[i].Name, got.Type, r,
					program.ValueAt(got, k), program.ValueAt(want, r))
			}
		}
	}
}

// ask sends a body and reads the tensor message of the reply.
func (x *online) ask(t *testing.T, path, contentType string, body []byte, kind tensor.Kind) *tensor.Message {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
	r.Header["Content-Type"], r.Header["Accept"] = []string{contentType}, []string{tensor.ContentType}
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	m := &tensor.Message{}
	check(t, tensor.Read(w.Body.Bytes(), kind, tensor.Limits{}, m))
	return m
}

func (x *online) lookup(t *testing.T, rows []int) *tensor.Message {
	s := tensor.Schema{Columns: []string{"row"}, View: x.model.Name}
	c := x.columnOf(0, rows)
	body := tensor.Append(nil, &tensor.Message{Kind: tensor.Keys, Rows: len(rows), Schema: s.Append(nil), Columns: []tensor.Column{{Values: c}}})
	return x.ask(t, "/v1/lookup", tensor.ContentType, body, tensor.Answer)
}

func (x *online) transform(t *testing.T, contentType string, body []byte) *tensor.Message {
	return x.ask(t, transformPath+x.model.Name, contentType, body, tensor.Features)
}

// columnOf returns rows of a column of the table.
func (x *online) columnOf(i int, rows []int) (c column.Column) {
	take := make([]int32, len(rows))
	for k, r := range rows {
		take[k] = int32(r)
	}
	column.Take(&c, &x.Rows.Columns[i], take)
	return c
}

// served returns the numbers of the table's columns that the features are made of.
func (x *online) served() (numbers []int) {
	for _, f := range x.model.Serving.Inputs {
		numbers = append(numbers, x.Schema.Find(f.Name))
	}
	return numbers
}

func (x *online) tensorOf(rows []int) []byte {
	m := &tensor.Message{Kind: tensor.Raw, Rows: len(rows)}
	s := tensor.Schema{}
	for _, i := range x.served() {
		s.Columns = append(s.Columns, x.Schema[i].Name)
		m.Columns = append(m.Columns, tensor.Column{Values: x.columnOf(i, rows)})
	}
	m.Schema = s.Append(nil)
	return tensor.Append(nil, m)
}

func (x *online) jsonOf(rows []int) []byte {
	dst := []byte(`{"rows":[`)
	for k, r := range rows {
		dst = append(comma(dst, k), '{')
		for n, i := range x.served() {
			dst = append(jsontext.AppendText(comma(dst, n), x.Schema[i].Name), ':')
			dst = appendCell(dst, &x.Rows.Columns[i], r)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// textual returns the rows whose texts are UTF-8: JSON has no others.
func (x *online) textual(rows []int) (good []int) {
next:
	for _, r := range rows {
		for _, i := range x.served() {
			c := &x.Rows.Columns[i]
			v, from, to := &c.Values, r, r+1
			if v.Type.IsList() {
				from, to = v.List(r)
				v = &v.Elements.Values
			}
			for k := from; k < to && v.Type == column.String; k++ {
				if !utf8.Valid(v.Text.At(k)) {
					continue next
				}
			}
		}
		good = append(good, r)
	}
	return good
}
