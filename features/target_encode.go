package features

import (
	"fmt"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// TargetEncode replaces a key (a value, or the tuple of all lanes) by the shrunk
// mean of a target over the rows with that key. Rows that are learnt from get
// values that their own fold did not teach.
type TargetEncode struct {
	// Target is the column whose mean is taken, usually a label: bool or numeric.
	Target ColumnName `quern:"target"`
	// Folds is the number of folds of training rows; 0 and 1: none, training rows
	// then get serving values, which know their own targets.
	Folds int `quern:"folds"`
	// Smoothing pulls the means of rare keys to the mean of all rows.
	Smoothing Smoothing `quern:"smoothing"`
	// FoldsBy are the columns whose hash is a row's fold. Not all of them may be
	// keys: then a key would be in one fold only, and nothing would be left of it.
	FoldsBy []ColumnName `quern:"folds_by"`
}

// Smoothing is a weight in rows ("20", "0.5"), or SmoothingAuto. "" is 0.
type Smoothing string

// SmoothingAuto weighs by empirical Bayes.
const SmoothingAuto Smoothing = "auto"

// SetOption implements OptionSetter: "auto" or a number.
func (s *Smoothing) SetOption(v any) error {
	switch v := v.(type) {
	case Literal:
		*s = Smoothing(v)
		return nil
	case string:
		if v == string(SmoothingAuto) {
			*s = SmoothingAuto
			return nil
		}
	}
	return fmt.Errorf("must be a number or auto, not %s", shapeOf(v))
}

// Option implements OptionGetter.
func (s Smoothing) Option() any {
	if s == SmoothingAuto {
		return string(s)
	}
	return Literal(s)
}

// shrinkage returns how s shrinks.
func (s Smoothing) shrinkage() (shrinkage, error) {
	switch s {
	case SmoothingAuto:
		return empiricalBayes{}, nil
	case "":
		s = "0"
	}
	m, ok := Literal(s).Rat()
	if !ok || m.Sign() < 0 {
		return nil, wrongOption("smoothing", "smoothing must be auto or a number of at least 0, not %s", string(s))
	}
	return newMEstimate(m), nil
}

// Arity implements Combiner: the lanes together are the key.
func (e TargetEncode) Arity() Arity { return All }

// Reads implements Reader: the target, then what the folds are made of.
func (e TargetEncode) Reads() []Reference {
	reads := []Reference{{Name: string(e.Target), Option: "target", Label: true}}
	for i, name := range e.FoldsBy {
		reads = append(reads, Reference{Name: string(name), Option: nth("folds_by", i)})
	}
	return reads
}

// maxTargetFolds bounds Folds: the model holds a value per key and fold.
const maxTargetFolds = 100

// Bind implements Operator.
func (e TargetEncode) Bind(in []column.Field) (Bound, error) {
	if e.Target == "" {
		return nil, missingOption("", "target is missing: the mean of which column?")
	}
	shrink, err := e.Smoothing.shrinkage()
	if err != nil {
		return nil, err
	}
	keys, target := in[:len(in)-1-len(e.FoldsBy)], in[len(in)-1-len(e.FoldsBy)]
	if err := e.checkFolds(keys); err != nil {
		return nil, err
	}
	if !target.Type.Numeric() && target.Type != column.Bool {
		return nil, wrongType("target_encode", target, "a bool or numeric target")
	}
	if err := typedOnly("target_encode", in); err != nil {
		return nil, err
	}
	return targetEncodeBound{spec: e, shrink: shrink, types: typesOf(keys), target: target}, nil
}

// checkFolds refuses folds that would not keep a row's target out of its value.
func (e TargetEncode) checkFolds(keys []column.Field) error {
	if e.Folds < 0 || e.Folds > maxTargetFolds {
		return wrongOption("folds", "folds must be between 1 and %d, not %d", maxTargetFolds, e.Folds)
	}
	if e.Folds <= 1 {
		return nil
	}
	if len(e.FoldsBy) == 0 {
		return missingOption("", "folds_by is missing: which columns decide on a row's fold?").
			withHint("name columns that differ between rows of one key, such as a date or an id; or say `folds: 1`")
	}
	outside := false
	for i, name := range e.FoldsBy {
		if name == e.Target {
			return wrongOption(nth("folds_by", i), "folds by the target itself would tell it")
		}
		outside = outside || !slices.ContainsFunc(keys, func(f column.Field) bool { return f.Name == string(name) })
	}
	if !outside {
		return wrongOption("folds_by", "folds_by names only key columns, so all rows of a key would be in one fold").
			withHint("add a column that differs between rows of one key, such as a date or an id")
	}
	return nil
}

// targetEncodeBound is TargetEncode bound to its keys and target; tuples is nil
// until fitted.
type targetEncodeBound struct {
	spec   TargetEncode
	shrink shrinkage
	types  []column.Type // of the keys
	target column.Field

	tuples   *tupleIndex
	rows     uint64        // with a target
	prior    float64       // mean target of all rows
	serving  column.Vector // value per tuple
	training trainingTable // if there are folds
}

// trainingTable holds the values of training rows, which leave out their own fold.
type trainingTable struct {
	codes   []int64    // tuple's code * folds + fold
	values  []float64  // where other folds know the tuple
	priors  []float64  // mean target of the other folds
	folds   []int64    // that have such a mean
	valueOf *tableOnce // codes to values
	priorOf *tableOnce // folds to priors
}

// Out implements Bound.
func (e targetEncodeBound) Out() []column.Field { return []column.Field{{Type: column.Float64}} }

// Rounds implements Bound.
func (e targetEncodeBound) Rounds() int { return boolRank(e.tuples == nil) }

// folds returns how many folds there are, at least one.
func (e targetEncodeBound) folds() int { return max(1, e.spec.Folds) }

// Wants implements Bound: the sums of the target by key and fold, and the tally of
// a real target, whose NaNs and infinities are refused.
func (e targetEncodeBound) Wants(b *program.Builder, in []program.Register) []Want {
	n := len(e.types)
	target := in[n]
	if b.Type(target) == column.Bool {
		target = b.Emit(program.ToInt, program.Imm{}, target)
	}
	sums := stat.Spec{
		Kind:  stat.KindKeyedSums,
		Types: append([]column.Type{b.Type(target), column.Int64}, e.types...),
		Folds: e.folds(),
	}
	args := append([]program.Register{notNaN(b, finiteOnly(b, target)), e.fold(b, in)}, in[:n]...)
	wants := []Want{{Spec: sums, Args: [][]program.Register{args}}}
	if b.Type(target).Real() {
		tally := stat.Spec{Kind: stat.KindTally, Types: []column.Type{b.Type(target)}}
		wants = append(wants, Want{Spec: tally, Args: [][]program.Register{{target}}})
	}
	return wants
}

// fold emits the fold of a row: the xxh3_64 of the canonical bytes of the one
// column (of several: their mixed hash) mod the number of folds.
func (e targetEncodeBound) fold(b *program.Builder, in []program.Register) program.Register {
	if e.folds() == 1 {
		return b.ConstInt(0)
	}
	by := in[len(e.types)+1:]
	hash := hashOrNullPart(b, by[0])
	if len(by) > 1 {
		hash = mixedHash(b, by, 0)
	}
	return b.Emit(program.Bucket, program.Imm{Int: int64(e.folds())}, hash)
}

// Fit implements Bound.
func (e targetEncodeBound) Fit(learnt []stat.Statistic) (Bound, error) {
	sums := learnt[0].(*stat.KeyedSums)
	if len(learnt) > 1 {
		if err := e.checkTarget(learnt[1].(*stat.Tally)); err != nil {
			return nil, err
		}
	}
	all := newFoldTotals(sums.Totals())
	if all.whole.n == 0 {
		return nil, diag.New("Q260", "target_encode has nothing to learn from: target %q is null in every row that is learnt from", e.target.Name)
	}
	e.rows, e.prior = all.whole.n, all.whole.mean()
	e.serving = column.Vector{Type: column.Float64}
	e.tuples = newTupleIndex(e.types)
	values, err := e.encode(sums, all)
	e.tuples.finish()
	if e.folds() > 1 {
		e.training = newTrainingTable(e.tuples.codes, values, all)
	}
	return e, err
}

// checkTarget refuses targets without a mean.
func (e targetEncodeBound) checkTarget(tally *stat.Tally) error {
	bad := tally.NaNs() + tally.PosInfs() + tally.NegInfs()
	if bad == 0 {
		return nil
	}
	return diag.New("Q266", "target_encode cannot learn from target %q: %d rows hold NaN or an infinity", e.target.Name, bad).
		WithHint("leave these rows out with `fit.where`, or make the target null there")
}

// encode adds every key's tuple and serving value, and returns its training
// values: encoded{} where the other folds do not know the key.
func (e *targetEncodeBound) encode(sums *stat.KeyedSums, all foldTotals) ([]encoded, error) {
	var values []encoded
	var bad error
	cells := make([]stat.Cell, len(e.types))
	err := sums.Each(func(key []byte, folds []stat.Group) bool {
		if bad = stat.DecodeKey(e.types, key, cells); bad != nil {
			return false
		}
		e.tuples.add(cells)
		whole := folds[0]
		for _, g := range folds[1:] {
			whole = whole.Plus(g)
		}
		value := e.shrink.value(momentsOf(whole), all.whole)
		program.AppendRegister(&e.serving, program.Value{Float: value})
		for f := range folds {
			if e.folds() == 1 {
				break
			}
			values = append(values, e.outOfFold(whole, folds[f], all.others[f]))
		}
		return true
	})
	if err == nil {
		err = bad
	}
	return values, err
}

// encoded is a training value, if there is one.
type encoded struct {
	ok    bool
	value float64
}

// outOfFold encodes a key by what the folds other than own taught.
func (e *targetEncodeBound) outOfFold(whole, own stat.Group, others moments) encoded {
	if whole.N() == own.N() {
		return encoded{}
	}
	rest := whole
	if own.N() > 0 {
		rest = whole.Minus(own)
	}
	return encoded{true, e.shrink.value(momentsOf(rest), others)}
}

// newTrainingTable lays out values (by tuple, then fold) as a table.
func newTrainingTable(codes []int64, values []encoded, all foldTotals) trainingTable {
	t := trainingTable{valueOf: &tableOnce{}, priorOf: &tableOnce{}}
	folds := len(all.others)
	for i, v := range values {
		if v.ok {
			t.codes = append(t.codes, codes[i/folds]*int64(folds)+int64(i%folds))
			t.values = append(t.values, v.value)
		}
	}
	for f, m := range all.others {
		if m.n > 0 {
			t.folds = append(t.folds, int64(f))
			t.priors = append(t.priors, m.mean())
		}
	}
	return t
}

// Lower implements Bound.
func (e targetEncodeBound) Lower(b *program.Builder, in []program.Register, mode Mode) []program.Register {
	keys := in[:len(e.types)]
	if mode == Serving || e.folds() == 1 {
		value := e.tuples.find(b, keys, e.serving)
		return []program.Register{b.Coalesce(value, b.ConstFloat(e.prior))}
	}
	fold := e.fold(b, in)
	code := b.Emit(program.Mul, program.Imm{}, e.tuples.code(b, keys), b.ConstInt(int64(e.folds())))
	code = b.Emit(program.Add, program.Imm{}, code, fold)
	value := b.Lookup(b.AddNumbered(e.training.valueOf.get(func() program.Table {
		return realTable("training", e.training.codes, e.training.values)
	})), code)
	prior := b.Lookup(b.AddNumbered(e.training.priorOf.get(func() program.Table {
		return realTable("priors", e.training.folds, e.training.priors)
	})), fold)
	return []program.Register{b.Coalesce(value, prior)}
}

// realTable maps integers to reals.
func realTable(name string, keys []int64, values []float64) program.Table {
	return program.NewDistinctTable(name,
		column.Vector{Type: column.Int64, Len: len(keys), Int64s: keys},
		column.Vector{Type: column.Float64, Len: len(values), Float64s: values})
}

// Learnt implements Bound.
func (e targetEncodeBound) Learnt() []Number {
	if e.tuples == nil {
		return nil
	}
	numbers := []Number{
		countNumber("rows", e.rows),
		countNumber("keys", uint64(e.serving.Len)),
		floatNumber("prior", e.prior),
	}
	for i, f := range e.training.folds {
		numbers = append(numbers, floatNumber(fmt.Sprintf("prior_without_fold_%d", f), e.training.priors[i]))
	}
	return numbers
}

// NewTargetEncode returns the defaults: five folds and a smoothing of 20 rows.
func NewTargetEncode() *TargetEncode { return &TargetEncode{Folds: 5, Smoothing: "20"} }

// targetEncodeEntry is target_encode in the catalogue.
func targetEncodeEntry() Entry {
	return Entry{
		Name:    "target_encode",
		New:     func() Operator { return NewTargetEncode() },
		Doc:     targetEncodeDoc(),
		Samples: targetEncodeSamples,
	}
}

func targetEncodeDoc() Doc {
	return Doc{
		Summary: "Replaces a key by the shrunk mean of a target over the rows with that key.",
		Does: "The key is the tuple of all lanes. With n rows of the key that have a target, S their sum, N and P the same of all rows, prior = P/N: " +
			"a smoothing of m gives (S + m prior) / (n + m); `smoothing: auto` gives w S/n + (1 - w) prior with w = v n / (v n + u), v and u being the variances (divided by the count) of the target over all rows and over the key's rows. " +
			"Sums are exact and each value is rounded once. Rows that are learnt from are split into `folds` by the hash of the `folds_by` columns (xxh3_64 of the canonical bytes; of several columns as in `cross`; mod folds), and a row's training value is the same formula over the rows of all other folds, prior and variances included. All other rows, and rows online, get the value of the full statistic.",
		Null:     "A key's null part is a value of its own, learnt like others. Rows whose target is null teach nothing. A null in a folds_by column is a value of its own, whose hash is 0x6e756c6c.",
		NaN:      "In a key, a value like any other (all NaNs are one). In the target, an error (Q266).",
		Inf:      "In a key, values like any others. In the target, an error (Q266).",
		Unseen:   "The prior: for training values that of the other folds, also for keys that only their own fold knows. If no other fold has a target, a training value is null.",
		Constant: "A constant key gets the mean of all rows; a constant target gets that constant. If every target is null, fitting ends with Q260.",
		Output:   "One float64 with the feature's name, different in training (`transform --training`, `run`) and serving.",
		Source:   "Micci-Barreca (2001). The m-estimate and the empirical Bayes weight are scikit-learn's TargetEncoder (smooth=m, smooth=\"auto\"), also cross-fitted, but by a hash instead of the position of rows.",
		Options: []Option{
			{"target", "column", "required", "The column whose mean is taken: bool or numeric; usually the label. It is not needed when serving."},
			{"folds", "integer", "5", "Number of folds; 1: training rows get serving values, which leaks their own target."},
			{"smoothing", "number | auto", "20", "Weight of the prior in rows, or empirical Bayes."},
			{"folds_by", "list of columns", "required with folds", "Columns whose hash decides on a row's fold; at least one must not be a key column."},
		},
		Example: "target_encode: {target: late, folds: 5, smoothing: 20, folds_by: [date]}",
	}
}

func targetEncodeSamples() []Sample {
	folded := TargetEncode{Target: "y", Folds: 5, Smoothing: "20", FoldsBy: []ColumnName{"day"}}
	auto, twice, flat := folded, folded, folded
	auto.Smoothing = SmoothingAuto
	twice.Folds, twice.FoldsBy, twice.Smoothing = 2, []ColumnName{"day", "hour"}, "0.5"
	flat.Folds, flat.FoldsBy, flat.Smoothing = 1, nil, "0"
	text, date := column.String, column.Date
	return []Sample{
		{Name: "bool_target", Operator: &folded, In: []column.Type{text, column.Bool, date}},
		{Name: "tuple", Operator: &folded, In: []column.Type{text, column.Int64, column.Float32, date}},
		{Name: "tuple_training", Operator: &folded, In: []column.Type{text, column.Int64, column.Float32, date}, Mode: Training},
		{Name: "auto_training", Operator: &auto, In: []column.Type{text, column.Float64, date}, Mode: Training},
		{Name: "auto_bool", Operator: &auto, In: []column.Type{column.Float64, column.Bool, date}},
		{Name: "two_columns", Operator: &twice, In: []column.Type{column.Int32, column.Int32, date, column.Int64}, Mode: Training},
		{Name: "no_folds", Operator: &flat, In: []column.Type{column.Bool, column.Float64}},
	}
}
