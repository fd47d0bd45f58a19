package featurestest

import (
	"bytes"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// spec: a step written as text reads back as the same operator.
func spec(c *Case) {
	r := c.recipe()
	text := recipe.Format(r)
	again, err := recipe.Parse("sample.yaml", text)
	if err != nil {
		c.Errorf("its recipe does not read back: %v\n%s", err, text)
		return
	}
	if got := again.Features[0].Steps[0].Operator; !c.sameOperator(got) {
		c.Errorf("%+v reads back as %+v\n%s", c.sample.Operator, got, text)
	}
	if second := recipe.Format(again); !bytes.Equal(text, second) {
		c.Errorf("written again it is\n%s\nnot\n%s", second, text)
	}
	options := map[string]any{}
	for _, s := range features.Encode(pointer(c.sample.Operator), c.entry.New()) {
		options[s.Key] = s.Value
	}
	decoded := c.entry.New()
	for _, m := range features.Decode(decoded, options) {
		c.Errorf("option %s: %v", m.Path, m)
	}
	if !c.sameOperator(decoded) {
		c.Errorf("%+v decodes as %+v", c.sample.Operator, decoded)
	}
}

// sameOperator reports whether op has the options of the sample's operator. An
// empty word stands for the default of an option that is one of a few words.
func (c *Case) sameOperator(op features.Operator) bool {
	settled := func(op features.Operator) any {
		v := reflect.New(reflect.TypeOf(pointer(op)).Elem()).Elem()
		v.Set(reflect.ValueOf(pointer(op)).Elem())
		fresh := reflect.ValueOf(c.entry.New()).Elem()
		for i := range v.NumField() {
			if _, chooser := v.Field(i).Interface().(features.Chooser); chooser && v.Field(i).String() == "" {
				v.Field(i).Set(fresh.Field(i))
			}
		}
		return v.Interface()
	}
	return reflect.DeepEqual(settled(op), settled(c.sample.Operator))
}

// pointer returns an operator as a pointer to its options.
func pointer(op features.Operator) features.Operator {
	v := reflect.ValueOf(op)
	if v.Kind() == reflect.Pointer {
		return op
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Interface().(features.Operator)
}

// documented: the entry says everything that a user may ask.
func documented(c *Case) {
	doc := reflect.ValueOf(c.entry.Doc)
	for i := range doc.NumField() {
		if f := doc.Field(i); f.Kind() == reflect.String && strings.TrimSpace(f.String()) == "" {
			c.Errorf("Doc.%s is empty", doc.Type().Field(i).Name)
		}
	}
	var told, declared []string
	for _, o := range c.entry.Doc.Options {
		told = append(told, o.Key)
		if o.Type == "" || o.Default == "" || o.Doc == "" {
			c.Errorf("option %s is not documented in full", o.Key)
		}
	}
	options := reflect.TypeOf(c.entry.New()).Elem()
	for i := range options.NumField() {
		if key := options.Field(i).Tag.Get("quern"); key != "" {
			declared = append(declared, key)
		}
	}
	if !slices.Equal(told, declared) {
		c.Errorf("documented are the options %v, the struct has %v", told, declared)
	}
	c.exampleParses()
	page, err := operatorsPage()
	if err != nil {
		c.Errorf("%v", err)
	}
	for _, part := range []string{"\n## " + c.entry.Name + "\n", c.entry.Doc.Summary, c.entry.Doc.Example} {
		if !strings.Contains(page, part) {
			c.Errorf("docs/OPERATORS.md lacks %q", part)
		}
	}
}

// exampleParses checks that the example is a step of this operator.
func (c *Case) exampleParses() {
	text := fmt.Sprintf("quern: 1\nname: example\nsource:\n  parquet: a.parquet\nfeatures:\n  - columns: [a, b]\n    name: f\n    steps:\n      - %s\n", c.entry.Doc.Example)
	r, err := recipe.Parse("example.yaml", []byte(text))
	if err != nil {
		c.Errorf("example %q: %v", c.entry.Doc.Example, err)
		return
	}
	if steps := r.Features[0].Steps; len(steps) != 1 || steps[0].Name != c.entry.Name {
		c.Errorf("example %q is not one step of %s", c.entry.Doc.Example, c.entry.Name)
	}
}

// operatorsPage returns docs/OPERATORS.md of the module that the test runs in.
func operatorsPage() (string, error) {
	dir, err := os.Getwd()
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			page, err := os.ReadFile(filepath.Join(dir, "docs", "OPERATORS.md"))
			return string(page), err
		}
		dir = filepath.Dir(dir)
	}
	return "", fmt.Errorf("no go.mod above the test: %v", err)
}

// names: outputs are what Out says, unique, and the same every time.
func names(c *Case) {
	fields := c.model.Serving.Fields()
	if !slices.Equal(fields, c.model.Training.Fields()) {
		c.Errorf("serving gives %v, training gives %v", fields, c.model.Training.Fields())
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Name == "" || seen[f.Name] {
			c.Errorf("an output without a name of its own: %v", fields)
		}
		seen[f.Name] = true
	}
	if len(fields) == 0 || len(c.model.Sizes) != len(fields) {
		c.Errorf("%d outputs, %d sizes", len(fields), len(c.model.Sizes))
	}
	again, err := features.Bind(c.sample.Operator, c.schema)
	if err != nil || !slices.Equal(again.Out(), c.bound.Out()) {
		c.Errorf("bound again it gives %v, not %v (%v)", again.Out(), c.bound.Out(), err)
	}
	for _, o := range c.bound.Out() {
		if o.Type.Kind() == column.NoKind {
			c.Errorf("output %q has no type", o.Name)
		}
	}
	second, err := c.fitBytes(c.calm.whole(newRand(c.seed+2), plain), pipeline.Options{Workers: 1})
	if err != nil || second != string(c.bytes) {
		c.Errorf("fitted again it is another model (%v)", err)
	}
}

// learnt: fitted numbers have names, once each, and texts that read back.
func learnt(c *Case) {
	steps := c.model.Learnt
	if c.bound.Rounds() > 0 && len(steps) == 0 {
		c.Errorf("it learns, and tells nothing of it")
	}
	for _, s := range steps {
		seen := map[string]bool{}
		for _, n := range s.Numbers {
			if n.Name == "" || seen[n.Name] {
				c.Errorf("number %q is there twice, or has no name", n.Name)
			}
			seen[n.Name] = true
			if !readable(n.Text) {
				c.Errorf("%s = %q is no exact decimal, hexadecimal real, quoted text, truth or time", n.Name, n.Text)
			}
		}
	}
}

// readable reports whether text is a number exactly as it was learnt, or another
// value that was learnt.
func readable(text string) bool {
	if _, ok := new(big.Int).SetString(text, 10); ok {
		return true
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		_, decimal := new(big.Rat).SetString(text)
		return decimal || strings.Contains(text, "Inf") || text == "NaN"
	}
	if _, err := strconv.Unquote(text); err == nil || text == "yes" || text == "true" || text == "false" {
		return true
	}
	for _, t := range []column.Type{column.Date, column.Datetime, column.Timestamp} {
		if _, ok := program.ParseTimeText(t, []byte(text)); ok {
			return true
		}
	}
	return false
}

// labels: without a label the modes are one program; with one, serving does not
// load it.
func labels(c *Case) {
	fromLabel := map[string]bool{}
	if r, ok := c.sample.Operator.(features.Reader); ok {
		for _, ref := range r.Reads() {
			fromLabel[ref.Name] = ref.Label
		}
	}
	anyLabel := false
	for _, is := range fromLabel {
		anyLabel = anyLabel || is
	}
	if !anyLabel {
		if c.model.Serving.Text() != c.model.Training.Text() {
			c.Errorf("it reads no label, but training has another program than serving")
		}
		return
	}
	for _, f := range c.model.Serving.Inputs {
		if fromLabel[f.Name] {
			c.Errorf("the serving program loads the label %s", f.Name)
		}
	}
	c.labelExpression(fromLabel)
}

// labelExpression: a label that is an expression teaches what a column does, and
// the columns that it is made of are not served.
func (c *Case) labelExpression(fromLabel map[string]bool) {
	r := c.recipe()
	schema := slices.Clone(c.schema)
	for i, f := range schema {
		if fromLabel[f.Name] {
			schema[i].Name = f.Name + "_source"
			r.Labels = append(r.Labels, recipe.Label{Name: recipe.Name{Text: f.Name}, Expr: recipe.Expr{Text: schema[i].Name}})
		}
	}
	m, err := c.fitRecipe(r, schema, c.calm.whole(newRand(c.seed+3), plain), pipeline.Options{Workers: 1})
	if err != nil {
		c.Errorf("with a label expression: %v", err)
		return
	}
	if !reflect.DeepEqual(m.Learnt, c.model.Learnt) {
		c.Errorf("a label expression teaches %v, a column %v", m.Learnt, c.model.Learnt)
	}
	for _, f := range m.Serving.Inputs {
		if strings.HasSuffix(f.Name, "_source") {
			c.Errorf("the serving program loads %s, which the label is made of", f.Name)
		}
	}
}
