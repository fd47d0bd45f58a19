package audit

import (
	"context"
	"errors"
	"fmt"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/row"
	"quern/serve/view"
)

// CheckOptions say how a log is checked.
type CheckOptions struct {
	pipeline.Options
	Views *view.Store // has the versions that were served, with their models
	// Recipe returns the recipe with the source that a version's rows are computed from: the
	// one that the version names, or another. nil: RecipeOf.
	Recipe func(context.Context, *model.Model, *view.Origin) (*recipe.Recipe, error)
	// AnySource computes from what Recipe says, whether it is what the version was made of
	// or not.
	AnySource bool
}

// RecipeOf returns a model's recipe with the source of a version.
func RecipeOf(_ context.Context, m *model.Model, o *view.Origin) (*recipe.Recipe, error) {
	r, err := recipe.Parse("model.quern", m.Recipe)
	if err != nil {
		return nil, err
	}
	if r.Source.Format != recipe.FileFormat(o.Format) {
		r.Source.Format, r.Source.CSV, r.Source.Schema = recipe.FileFormat(o.Format), recipe.CSV{}, nil
	}
	r.Source.Files = nil
	for _, f := range o.Files {
		r.Source.Files = append(r.Source.Files, recipe.Name{Text: f})
	}
	return r, nil
}

// Check computes what every row of a log should be, and compares. Differences are in the
// report; the error is about what cannot be read: Q686 a file that is no log, Q690 no log.
func Check(ctx context.Context, folder string, o CheckOptions) (*Report, error) {
	if o.Recipe == nil {
		o.Recipe = RecipeOf
	}
	all, err := versionsIn(ctx, folder)
	if err != nil {
		return nil, err
	}
	report := &Report{Folder: folder}
	for _, v := range all {
		one, err := o.version(ctx, v)
		if err != nil {
			return nil, err
		}
		report.add(one)
	}
	return report, nil
}

// version checks the log of one version.
func (o *CheckOptions) version(ctx context.Context, v *version) (*ViewReport, error) {
	report := &ViewReport{View: v.view, Version: v.version, Files: len(v.files), Skipped: map[string]int64{}}
	manifest, m, err := o.Views.Model(ctx, v.view, v.version)
	var known *diag.Error
	if errors.As(err, &known) && (known.Code == "Q664" || known.Code == "Q662") {
		report.Why = "the version is gone from the store"
		return report, v.countOnly(ctx, report)
	}
	if err != nil {
		return nil, err
	}
	schema := schemaOf(manifest)
	for _, path := range v.files {
		if err := has(ctx, path, logged(&schema)); err != nil {
			return nil, err
		}
	}
	layout, err := row.NewLayout(schema)
	if err != nil {
		return nil, err
	}
	wanted, err := v.keys(ctx, layout)
	if err != nil {
		return nil, err
	}
	t, why := o.truth(ctx, m, manifest, wanted)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if why == "" && !t.layout.Schema().Equal(schema) {
		why = "the source gives other columns than the version has"
	}
	if report.Why = why; why != "" {
		return report, v.countOnly(ctx, report)
	}
	return report, newComparison(manifest, t, report).run(ctx, v)
}

// truth computes the rows of keys, or says why it cannot.
func (o *CheckOptions) truth(ctx context.Context, m *model.Model, manifest *view.Manifest, wanted map[row.Hash]int) (*truth, string) {
	origin := manifest.Origin
	if origin == nil {
		if !o.AnySource {
			return nil, "the version does not say what it was made of"
		}
		origin = &view.Origin{}
	}
	r, err := o.Recipe(ctx, m, origin)
	digest := origin.Digest
	if o.AnySource {
		digest = ""
	}
	if err == nil {
		var t *truth
		var changed bool
		if t, changed, err = recompute(ctx, m, r, digest, wanted, o.Options); err == nil && !changed {
			return t, ""
		}
		if err == nil {
			return nil, "the source is not what the version was made of: its digest is another"
		}
	}
	return nil, fmt.Sprintf("the source cannot be read: %v", err)
}

// schemaOf returns what a manifest says of rows.
func schemaOf(m *view.Manifest) row.Schema {
	s := row.Schema{Time: m.Time != ""}
	for _, f := range m.Key {
		t, _ := column.ParseType(f.Type) // a type that is none is in no log
		s.Keys = append(s.Keys, column.Field{Name: f.Name, Type: t})
	}
	for _, f := range m.Features {
		t, _ := column.ParseType(f.Type)
		s.Fields = append(s.Fields, column.Field{Name: f.Name, Type: t})
	}
	return s
}

// logged returns the columns that a log of a view with that schema has.
func logged(s *row.Schema) column.Schema {
	all := fixedFields()
	for _, k := range s.Keys {
		all = append(all, column.Field{Name: keyPrefix + k.Name, Type: k.Type})
	}
	for _, f := range s.Fields {
		all = append(all, column.Field{Name: valuePrefix + f.Name, Type: f.Type}, column.Field{Name: statusPrefix + f.Name, Type: column.String})
	}
	return all
}

// countOnly counts the rows of a log that cannot be checked.
func (v *version) countOnly(ctx context.Context, report *ViewReport) error {
	for _, path := range v.files {
		err := eachBatch(ctx, path, []string{"request_time"}, func(b column.Batch) error {
			report.Rows += int64(b.Rows)
			report.Skipped[report.Why] += int64(b.Rows)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keys returns the keys of a log, by their hashes.
func (v *version) keys(ctx context.Context, l *row.Layout) (map[row.Hash]int, error) {
	names := keyNames(l)
	wanted := map[row.Hash]int{}
	var keys row.Keys
	for _, path := range v.files {
		err := eachBatch(ctx, path, names, func(b column.Batch) error {
			if err := putKeys(path, l, b.Columns, b.Rows, &keys); err != nil {
				return err
			}
			for _, h := range keys.Hashes(0) {
				wanted[h] = -1
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return wanted, nil
}

func keyNames(l *row.Layout) []string {
	var names []string
	for _, k := range l.Schema().Keys {
		names = append(names, keyPrefix+k.Name)
	}
	return names
}

// putKeys fills keys with those of a log's rows.
func putKeys(path string, l *row.Layout, columns []column.Column, rows int, keys *row.Keys) error {
	keys.Reset(l)
	for i := range rows {
		for k := range columns {
			c := &columns[k]
			if c.Null(i) {
				return foreign(path, "a key is null")
			}
			slot := c.Slot(i)
			switch c.Values.Type.Kind() {
			case column.Strings:
				keys.PutBytes(c.Values.Text.At(slot))
			case column.Bools:
				n := int64(0)
				if c.Values.Bools[slot] {
					n = 1
				}
				keys.PutInt(n)
			default:
				keys.PutInt(c.Values.Int(slot))
			}
		}
	}
	return nil
}
