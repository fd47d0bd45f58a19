package featurestest

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"quern/features"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/pipeline/recipe"
)

// Joint is many samples, those on lists among them, as features of one recipe over one
// table: for tests of what carries features from one place to another, whatever they are.
type Joint struct {
	Recipe *recipe.Recipe // without source and outputs; its key is the column "row"
	Schema column.Schema
	Learn  column.Batch // rows to fit on: ordinary ones
	Rows   column.Batch // rows to transform: some with edges of the types; "row" is 0, 1, 2 ...
}

// Joints puts every sample of the catalogue into as few recipes as can be: samples share
// columns of a type, but names that operators read by (a label, say) have one type in each.
func Joints(be backend.Backend, rows int, seed uint64) ([]Joint, error) {
	var all []*joining
	n := 0
	for _, e := range features.Catalogue() {
		for _, s := range withLists(e.Samples()) {
			f, err := newFixture(be, e, s, seed)
			if err != nil {
				return nil, err
			}
			n++
			place(&all, f, s.Fields()).add(f, n)
		}
	}
	var joints []Joint
	for i, j := range all {
		joints = append(joints, j.finish(newRand(seed+uint64(i)), rows))
	}
	return joints, nil
}

// joining is a Joint on its way.
type joining struct {
	recipe *recipe.Recipe
	schema column.Schema
	reads  map[string]column.Type // names that operators read by
}

// place returns the first joint that a sample fits into, or a new one.
func place(all *[]*joining, f *fixture, fields []column.Field) *joining {
next:
	for _, j := range *all {
		for _, r := range fields[f.shared():] {
			if t, ok := j.reads[r.Name]; ok && t != r.Type {
				continue next
			}
		}
		return j
	}
	j := &joining{recipe: &recipe.Recipe{Version: recipe.Version, Name: recipe.Name{Text: fmt.Sprint("joint", len(*all))}},
		schema: column.Schema{{Name: "row", Type: column.Int64}}, reads: map[string]column.Type{}}
	j.recipe.Key = []recipe.Name{{Text: "row"}}
	*all = append(*all, j)
	return j
}

// shared returns how many lanes may have any name. Operators of all lanes at once may know
// some by theirs.
func (f *fixture) shared() int {
	if c, ok := f.sample.Operator.(features.Combiner); ok && c.Arity() == features.All {
		return 0
	}
	return f.lanes
}

// add makes a feature of a sample.
func (j *joining) add(f *fixture, n int) {
	feature := recipe.Feature{Steps: []recipe.Step{{Name: f.entry.Name, Operator: f.sample.Operator}}}
	for i, field := range f.schema {
		name := field.Name
		if i < f.shared() {
			name = fmt.Sprintf("%s_%d", strings.NewReplacer("<", "_", ">", "").Replace(field.Type.String()), i)
		} else {
			j.reads[name] = field.Type
		}
		if i < f.lanes {
			feature.Columns = append(feature.Columns, recipe.Name{Text: name})
		}
		if j.schema.Find(name) < 0 {
			j.schema = append(j.schema, column.Field{Name: name, Type: field.Type})
		}
	}
	if f.needsName() {
		feature.Name.Text = fmt.Sprint("s", n)
	} else {
		feature.As.Text = fmt.Sprintf("s%d_{column}", n)
	}
	j.recipe.Features = append(j.recipe.Features, feature)
}

// finish makes up the tables.
func (j *joining) finish(rng *rand.Rand, rows int) Joint {
	learn := calmTable(rng, j.schema, 500)
	serve := tableOf(j.schema, rows, func(f column.Field, row int) program.Value {
		switch kind := f.Type.Elem().Kind(); {
		case f.Name == "row":
			return program.Value{Int: int64(row)}
		case rng.IntN(7) == 0:
			return program.NullValue()
		// Integers stay ordinary: arithmetic on their edges is a fault.
		case rng.IntN(16) == 0 && (kind == column.Floats || kind == column.Strings):
			return programtest.RandomValue(rng, f.Type)
		}
		return calmValue(rng, f.Type)
	})
	return Joint{Recipe: j.recipe, Schema: j.schema, Learn: learn.batch(rng, plain), Rows: serve.batch(rng, plain)}
}
