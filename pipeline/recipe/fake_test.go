package recipe

import (
	"fmt"
	"reflect"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
)

// The tests read recipes against operators of their own, so that they say the same
// whatever the catalogue holds.

// unbound makes a struct an operator: these are never bound.
type unbound struct{}

func (unbound) Bind([]column.Field) (features.Bound, error) { panic("not for binding") }

// fillWith takes a word or a number.
type fillWith struct {
	Word   string
	Number features.Literal
}

func (f *fillWith) SetOption(v any) error {
	switch v := v.(type) {
	case string:
		if v != "mean" && v != "median" {
			return fmt.Errorf("must be mean, median or a number, not %q", v)
		}
		*f = fillWith{Word: v}
	case features.Literal:
		*f = fillWith{Number: v}
	default:
		return fmt.Errorf("must be mean, median or a number")
	}
	return nil
}

func (f fillWith) Option() any {
	if f.Word != "" {
		return f.Word
	}
	return f.Number
}

// anything takes every value that a recipe can say.
type anything struct{ Value any }

func (a *anything) SetOption(v any) error { a.Value = v; return nil }

func (a anything) Option() any { return a.Value }

// side is a word of two.
type side string

func (side) Choices() []string { return []string{"left", "right"} }

type (
	fakeFill struct {
		unbound
		With      fillWith `quern:"with"`
		Indicator bool     `quern:"indicator"`
	}
	fakeClip struct {
		unbound
		Min       features.Literal   `quern:"min"` // "": not given
		Max       features.Literal   `quern:"max"`
		Quantiles []features.Literal `quern:"quantiles"`
	}
	fakeAnything struct {
		unbound
		Value anything `quern:"value"`
	}
	fakeLog1p       struct{ unbound }
	fakeStandardize struct {
		unbound
		DDof int `quern:"ddof"`
	}
	fakeBucketize struct {
		unbound
		Edges []float64 `quern:"edges"`
		Side  side      `quern:"side"`
	}
	fakeCategorify struct {
		unbound
		MinCount   int64    `quern:"min_count"`
		OOVBuckets int      `quern:"oov_buckets"`
		Vocabulary []string `quern:"vocabulary"`
	}
	fakeCross struct {
		unbound
		Buckets int `quern:"buckets"`
	}
	fakeDatetime struct {
		unbound
		Parts    []string `quern:"parts"`
		Cyclical bool     `quern:"cyclical"`
	}
	fakeTargetEncode struct {
		unbound
		Target    features.ColumnName   `quern:"target"`
		Folds     int                   `quern:"folds"`
		Smoothing float64               `quern:"smoothing"`
		FoldsBy   []features.ColumnName `quern:"folds_by"`
	}
)

// fakes lists the operators by name, ascending; each call of New makes one.
func fakes() []features.Entry {
	return []features.Entry{
		{Name: "anything", New: func() features.Operator { return &fakeAnything{} }},
		{Name: "bucketize", New: func() features.Operator { return &fakeBucketize{Side: "left"} }},
		{Name: "categorify", New: func() features.Operator { return &fakeCategorify{MinCount: 1} }},
		{Name: "clip", New: func() features.Operator { return &fakeClip{} }},
		{Name: "cross", New: func() features.Operator { return &fakeCross{Buckets: 1024} }},
		{Name: "datetime", New: func() features.Operator { return &fakeDatetime{} }},
		{Name: "fill", New: func() features.Operator { return &fakeFill{With: fillWith{Word: "mean"}} }},
		{Name: "log1p", New: func() features.Operator { return &fakeLog1p{} }},
		{Name: "standardize", New: func() features.Operator { return &fakeStandardize{} }},
		{Name: "target_encode", New: func() features.Operator { return &fakeTargetEncode{Folds: 5} }},
	}
}

// fakeReader reads against fakes.
func fakeReader() Reader {
	return Reader{
		Find: func(name string) (features.Entry, bool) {
			for _, e := range fakes() {
				if e.Name == name {
					return e, true
				}
			}
			return features.Entry{}, false
		},
		Names: func() []string {
			var names []string
			for _, e := range fakes() {
				names = append(names, e.Name)
			}
			return names
		},
	}
}

// bare returns r without places, comments and the file's name, for comparing.
func bare(r *Recipe) *Recipe {
	c := *r
	c.File, c.Comment = "", ""
	return strip(reflect.ValueOf(c)).Interface().(*Recipe)
}

// strip returns a pointer to a copy of v without what only says where something was.
func strip(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type())
	out.Elem().Set(v)
	clear := func(f reflect.Value) { f.Set(reflect.Zero(f.Type())) }
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Type() {
		case reflect.TypeFor[diag.Place](), reflect.TypeFor[map[string]diag.Place]():
			clear(v)
			return
		case reflect.TypeFor[Expr]():
			v.Set(reflect.ValueOf(Expr{Text: v.Interface().(Expr).Text}))
			return
		case reflect.TypeFor[features.Operator]():
			return
		case reflect.TypeFor[Feature]():
			clear(v.FieldByName("Comment"))
		}
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				walk(v.Field(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				v.Set(strip(v.Elem()))
			}
		case reflect.Slice:
			fresh := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(fresh, v)
			if v.Len() == 0 {
				clear(v)
				return
			}
			v.Set(fresh)
			for i := range v.Len() {
				walk(v.Index(i))
			}
		}
	}
	walk(out.Elem())
	return out
}
