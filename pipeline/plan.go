package pipeline

import (
	"slices"
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/expr"
	"quern/features/program"
	"quern/pipeline/recipe"
)

// Plan is a recipe bound to a schema: every name, type and option is checked, and
// it is known what must be learnt. Fitting fills it in; it is used by one fit.
type Plan struct {
	Recipe   *recipe.Recipe
	Schema   column.Schema // of the source, by name: the order of its columns teaches nothing
	unusable map[string]string

	chains       []*chain
	labels       []labelled
	labelColumns map[string]bool // columns that labels read: never served
	used         map[string]bool // columns that features or labels read
	where        *expr.Expr      // source.where
	fitWhere     *expr.Expr      // fit.where
	tableLimit   int             // most values of a column whose table is kept; 0: no tables
}

// labelled is a label with its parsed expression.
type labelled struct {
	name string
	typ  column.Type
	expr *expr.Expr
	at   recipe.Expr
}

// Bind checks r against the schema of its source and returns the plan, or every
// mistake at once. unusable are columns that exist but cannot be read, with the reason.
func Bind(r *recipe.Recipe, schema column.Schema, unusable map[string]string) (*Plan, error) {
	b := newBinder(r, schema, unusable)
	b.bind()
	if err := b.mistakes.InOrder().Err(); err != nil {
		return nil, err
	}
	return &b.Plan, nil
}

func newBinder(r *recipe.Recipe, schema column.Schema, unusable map[string]string) *binder {
	schema = slices.Clone(schema)
	slices.SortFunc(schema, func(a, b column.Field) int { return strings.Compare(a.Name, b.Name) })
	return &binder{broken: map[string]bool{},
		Plan: Plan{tableLimit: maxTable, Recipe: r, Schema: schema, unusable: unusable, labelColumns: map[string]bool{}, used: map[string]bool{}}}
}

// bind checks everything and fills in the plan.
func (b *binder) bind() {
	b.where = b.condition(b.Recipe.Source.Where)
	b.bindLabels()
	b.fitWhere = b.trainingCondition(b.Recipe.Fit.Where)
	b.bindKeys()
	b.noteTargets()
	for i := range b.Recipe.Features {
		b.bindFeature(i)
	}
	b.bindOutputs()
	b.bindOnline()
	b.bindTargets()
}

// binder collects mistakes while it fills in a plan.
type binder struct {
	Plan
	mistakes diag.List
	outputs  column.Schema   // of the features bound so far
	places   []diag.Place    // of the outputs: what to point at
	broken   map[string]bool // labels and features with mistakes: who uses them stays silent
	partial  bool            // parts of the recipe could not be read: holes are no mistakes
	unsure   bool            // and names may be among them: so are names that nothing has
}

func (b *binder) mistake(err error) {
	b.mistakes.Add(err, "Q036")
}

// column checks that a source column exists and can be used.
func (b *binder) column(n recipe.Name, label bool) (column.Field, bool) {
	at := b.Schema.Find(n.Text)
	if at < 0 {
		if why, ok := b.unusable[n.Text]; ok {
			b.mistake(diag.New("Q032", "column %q cannot be used: %s", n.Text, why).At(n.Place))
			return column.Field{}, false
		}
		e := diag.New("Q031", "unknown column %q", n.Text).At(n.Place)
		names := b.Schema.Names()
		if label {
			for _, l := range b.Recipe.Labels {
				names = append(names, l.Name.Text)
			}
		}
		if near := diag.Nearest(n.Text, names); near != "" {
			e = e.WithHint("did you mean %q?", near)
		}
		b.mistake(e)
		return column.Field{}, false
	}
	if b.labelColumns[n.Text] && !label {
		b.mistake(diag.New("Q033", "column %q is what the label is made of: a served feature may not read it", n.Text).
			At(n.Place).WithHint("only label, keep and target may"))
		return column.Field{}, false
	}
	return b.Schema[at], true
}

// condition parses and checks an optional Bool expression over source columns.
func (b *binder) condition(e recipe.Expr) *expr.Expr {
	return b.conditionIn(e, scope{plan: &b.Plan})
}

// trainingCondition is a condition that may read label columns too.
func (b *binder) trainingCondition(e recipe.Expr) *expr.Expr {
	return b.conditionIn(e, scope{plan: &b.Plan, labels: true})
}

func (b *binder) conditionIn(e recipe.Expr, s scope) *expr.Expr {
	if e.Text == "" {
		return nil
	}
	x, typ, ok := b.expression(e, s)
	if !ok {
		return nil
	}
	if typ != column.Bool {
		mistake := diag.New("Q034", "a condition must be true or false, this is %v", typ).At(e.Place)
		if typ.IsList() {
			mistake.Hint = "make one value of the list, as list_max(int(tags = 'a')) = 1 does"
		}
		b.mistake(mistake)
	}
	return x
}

// expression parses and checks e; mistakes are noted at their place in the recipe.
func (b *binder) expression(e recipe.Expr, s scope) (*expr.Expr, column.Type, bool) {
	x, err := expr.Parse(e.Text)
	if err != nil {
		b.mistake(e.Shift(err))
		return nil, column.Invalid, false
	}
	if !b.mayRead(x, e, s) {
		return nil, column.Invalid, false
	}
	typ, err := x.Check(s)
	if err != nil {
		b.mistake(e.Shift(b.laterFeatures(x, err)))
	}
	return x, typ, err == nil && typ != column.Invalid
}

// bindLabels checks the labels and notes which columns they are made of.
func (b *binder) bindLabels() {
	var read []string // noted at the end: labels may share columns
	for _, l := range b.Recipe.Labels {
		if l.Name.Text == "" || l.Expr.Text == "" {
			b.hole("a label")
			b.broken[l.Name.Text] = true
			continue
		}
		x, typ, ok := b.expression(l.Expr, scope{plan: &b.Plan, labels: true})
		if !ok {
			b.broken[l.Name.Text] = true
			b.guard(l.Expr)
			continue
		}
		if b.Schema.Find(l.Name.Text) >= 0 {
			b.mistake(diag.New("Q037", "label %q has the name of a column", l.Name.Text).At(l.Name.Place))
		}
		b.labels = append(b.labels, labelled{l.Name.Text, typ, x, l.Expr})
		for _, n := range x.Names() {
			b.used[n.Text] = true
			read = append(read, n.Text)
		}
	}
	for _, name := range read {
		b.labelColumns[name] = true
	}
}

// bindKeys checks the columns of key, time and keep.
func (b *binder) bindKeys() {
	for _, n := range b.Recipe.Key {
		b.column(n, false)
	}
	if n := b.Recipe.Time; n.Text != "" {
		if f, ok := b.column(n, false); ok && !f.Type.Temporal() {
			b.mistake(diag.New("Q034", "time must be a timestamp, datetime or date, column %q is %v", n.Text, f.Type).At(n.Place))
		}
	}
	for _, n := range b.Recipe.Keep {
		b.column(n, true)
	}
}

// labelField returns the label called name.
func (p *Plan) labelField(name string) (column.Field, bool) {
	for _, l := range p.labels {
		if l.name == name {
			return column.Field{Name: name, Type: l.typ}, true
		}
	}
	return column.Field{}, false
}

// scope is what an expression of the recipe may refer to: source columns, and the
// features that are finished.
type scope struct {
	plan     *Plan
	labels   bool          // label columns too
	features column.Schema // earlier features, by plain name
	broken   func(string) bool
	lowering *lowering // nil while only types are checked
}

// Lookup finds a column or an earlier feature.
func (s scope) Lookup(name string) (column.Field, bool) {
	if at := s.plan.Schema.Find(name); at >= 0 {
		return s.plan.Schema[at], true
	}
	if len(name) > len(featurePrefix) && name[:len(featurePrefix)] == featurePrefix {
		feature := name[len(featurePrefix):]
		if at := s.features.Find(feature); at >= 0 {
			return s.features[at], true
		}
		if s.broken != nil && s.broken(feature) {
			return column.Field{Name: name}, true // its mistake is reported already
		}
	}
	return column.Field{}, false
}

// Register returns the register of a name that Lookup found.
func (s scope) Register(name string) program.Register {
	reg, _, ok := s.lowering.resolve(name)
	if !ok {
		panic("quern: bug: expression lowered before its feature")
	}
	return reg
}

// Names lists what could have been meant.
func (s scope) Names() []string {
	names := s.plan.Schema.Names()
	for _, f := range s.features {
		names = append(names, featurePrefix+f.Name)
	}
	return names
}

// expression appends the instructions of x, all of whose features are finished.
func (w *lowering) expression(x *expr.Expr) program.Register {
	var finished column.Schema
	for name, l := range w.lanes {
		finished = append(finished, column.Field{Name: name, Type: l.Type})
	}
	slices.SortFunc(finished, func(a, b column.Field) int { return strings.Compare(a.Name, b.Name) })
	reg, err := x.Lower(w.b, scope{plan: w.plan, labels: true, features: finished, lowering: w})
	if err != nil {
		panic("quern: bug: a checked expression does not lower: " + err.Error())
	}
	return reg
}

// ready reports whether every feature that x reads is finished.
func (w *lowering) ready(x *expr.Expr) bool {
	for _, n := range x.Names() {
		if n.Feature {
			if _, ok := w.lanes[n.Text[len(featurePrefix):]]; !ok {
				return false
			}
		}
	}
	return true
}

// arityAll reports whether op takes all lanes at once.
func arityAll(op features.Operator) bool {
	c, ok := op.(features.Combiner)
	return ok && c.Arity() == features.All
}
