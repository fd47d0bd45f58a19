package features

import (
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// Operator is a verb with its options: a plain struct, whose zero value (with
// defaults applied by Defaults, where the entry has them) is usable. It never
// changes once made.
type Operator interface {
	// Bind checks the options against the types of the inputs: the lanes of the
	// chain (one lane if Arity is Each), then one field per reference of Reads. It
	// returns a user's error (*diag.Error) and never looks at data.
	Bind(in []column.Field) (Bound, error)
}

// Arity says how an operator meets the lanes of a chain.
type Arity int

// The arities.
const (
	Each Arity = iota // one lane in; applied to every lane separately
	All               // all lanes at once
)

// Combiner is an Operator that takes all lanes of its chain at once. Operators
// that do not implement it, or return Each, are applied to each lane.
type Combiner interface {
	Arity() Arity
}

// Reader is an Operator that reads more than its lanes: a source column, the
// label, or an earlier feature ("features.NAME").
type Reader interface {
	Reads() []Reference
}

// Reference names something that an operator reads beside its lanes.
type Reference struct {
	Name   string
	Option string // the option that names it, for error places: "target"
	// Label: it may be (made from) a label column. In Serving mode its register is
	// program.None: the operator must do without.
	Label bool
}

// Mode says for whom values are computed.
type Mode int

// The modes. Only operators that would leak the label differ between them.
const (
	Serving  Mode = iota // rows that were not learnt from, and rows online
	Training             // rows that were learnt from
)

// Bound is an operator bound to types: data is not known yet, or only some of it.
// It is immutable; Fit returns another one.
type Bound interface {
	// Out returns the fields of the outputs. A name is a suffix: "" keeps the
	// lane's name (the feature's name, for All), "month_sin" makes NAME_month_sin;
	// a name that starts with "=" replaces it ("=miles"). Until an operator is
	// fitted whose outputs depend on data (one_hot) it returns one field as a sample.
	Out() []column.Field
	// Rounds returns how many scans are still to be learnt from; 0: fitted.
	Rounds() int
	// Wants returns the statistics of the next round, with the registers that they
	// observe: in may be extended by instructions of b. Called only while Rounds > 0.
	Wants(b *program.Builder, in []program.Register) []Want
	// Fit takes the statistics of one round, in the order of Wants, and returns the
	// operator that has learnt them. It does not change them. Errors are the data's
	// fault (*diag.Error): nothing to learn from, infinities.
	Fit(learnt []stat.Statistic) (Bound, error)
	// Lower appends the instructions that compute the outputs, one register per
	// field of Out, of that field's type. Called only when Rounds is 0.
	Lower(b *program.Builder, in []program.Register, mode Mode) []program.Register
	// Learnt returns the fitted numbers for people and for the model file.
	Learnt() []Number
}

// Want is one statistic and the tuples of registers that it observes: usually one
// tuple, several for a joint vocabulary.
type Want struct {
	Spec stat.Spec
	Args [][]program.Register
}

// Number is a fitted number: Text is an exact decimal or a hex float.
type Number struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Sized is a Bound whose outputs are ids, for whoever makes embedding tables: its
// ids are in [0, size). Called only when Rounds is 0.
type Sized interface {
	// Sizes returns how many ids each output has, in the order of Out.
	Sizes() []int64
}

// ByProducer is a Bound some of whose outputs are by-products: later steps of the
// chain leave them alone and they leave it as they are (fill's indicator).
type ByProducer interface {
	// ByProduct reports whether output i of Out is one.
	ByProduct(i int) bool
}

// IDPasser is a Bound that hands elements of its inputs on, perhaps fewer or in
// another shape: where they are ids, its outputs are ids too.
type IDPasser interface {
	// PassIDs returns how many ids each output has, in the order of Out, where input
	// i has in[i] of them; 0: it is not an id.
	PassIDs(in []int64) []int64
}
