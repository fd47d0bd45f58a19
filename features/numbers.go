package features

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// Rat returns the exact value of l, or false if l is not a finite number (or has
// more than a thousand digits, or an exponent beyond what any float holds).
func (l Literal) Rat() (*big.Rat, bool) {
	text := strings.ReplaceAll(string(l), "_", "")
	if len(text) == 0 || len(text) > 1000 || strings.Contains(text, "/") {
		return nil, false
	}
	if i := strings.LastIndexAny(text, "eEpP"); i > 0 && !strings.HasPrefix(strings.TrimLeft(text, "+-"), "0x") {
		if exponent, err := strconv.Atoi(text[i+1:]); err != nil || exponent < -5000 || exponent > 5000 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

// Float64 returns the float64 nearest to l, ties to even, or false if l is no
// finite number or rounds to an infinity.
func (l Literal) Float64() (float64, bool) {
	exact, ok := l.Rat()
	if !ok {
		return 0, false
	}
	f, _ := exact.Float64()
	return f, !math.IsInf(f, 0)
}

// Int64 returns l, or false if it is no integer or does not fit.
func (l Literal) Int64() (int64, bool) {
	exact, ok := l.Rat()
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false
	}
	return exact.Num().Int64(), true
}

// floatNumber is a fitted float: its text is the hex float, which is exact.
func floatNumber(name string, v float64) Number {
	return Number{Name: name, Text: strconv.FormatFloat(v, 'x', -1, 64)}
}

// intNumber is a fitted integer.
func intNumber(name string, v int64) Number {
	return Number{Name: name, Text: strconv.FormatInt(v, 10)}
}

// countNumber is a fitted count.
func countNumber(name string, v uint64) Number {
	return Number{Name: name, Text: strconv.FormatUint(v, 10)}
}

// flagNumber is a remark about the column that fitting made: "constant", "yes".
func flagNumber(name string) Number { return Number{Name: name, Text: "yes"} }

// Decimal returns the number for people: a hex float as the shortest decimal that
// reads back as the same float64, anything else as it is.
func (n Number) Decimal() string {
	if !strings.Contains(n.Text, "0x") {
		return n.Text
	}
	f, err := strconv.ParseFloat(n.Text, 64)
	if err != nil {
		return n.Text
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// Infinities says what to do with infinities while learning. Transforming has no
// such choice: each operator's documentation says what an infinity gives.
type Infinities string

// The choices; the zero value is InfinitiesError.
const (
	InfinitiesError  Infinities = "error"  // an infinity ends fitting with Q261
	InfinitiesIgnore Infinities = "ignore" // learn from the finite values
)

// Choices implements Chooser.
func (Infinities) Choices() []string {
	return []string{string(InfinitiesError), string(InfinitiesIgnore)}
}

// wrongType says that operator op does not take field.
func wrongType(op string, field column.Field, takes string) *diag.Error {
	return diag.New("Q070", "%s takes %s, but %q is %s", op, takes, field.Name, field.Type)
}

// numericOnly refuses everything but numbers, with a hint how to get one.
func numericOnly(op string, field column.Field) error {
	switch {
	case field.Type.Numeric():
		return nil
	case field.Type == column.Bool:
		return wrongType(op, field, "numbers").WithHint("put `cast: {to: int64}` before it; if it is the indicator of `fill`, put the `fill` after it")
	case field.Type == column.String:
		return wrongType(op, field, "numbers").WithHint("put `cast: {to: float64}` before it if the texts are numbers, or `categorify` in its place")
	}
	return wrongType(op, field, "numbers").WithHint("put `datetime` before it, or `cast: {to: int64}`")
}

// wrongOption says what is wrong with the value of option key (or at path).
func wrongOption(path, format string, args ...any) *OptionError {
	return &OptionError{Path: path, Err: diag.New("Q071", format, args...)}
}

// missingOption says which options are missing or exclude each other.
func missingOption(path, format string, args ...any) *OptionError {
	return &OptionError{Path: path, Err: diag.New("Q073", format, args...)}
}

// withHint returns e with a hint.
func (e *OptionError) withHint(format string, args ...any) *OptionError {
	return &OptionError{Path: e.Path, Err: e.Err.WithHint(format, args...)}
}

// chosen refuses a word that recipes could not have said, for operators made in Go.
func chosen[T interface {
	~string
	Chooser
}](path string, word T) error {
	if word == "" || slices.Contains(word.Choices(), string(word)) {
		return nil
	}
	err := notOneOf(string(word), word.Choices())
	e := wrongOption(path, "%s", err.Error())
	var h *hinted
	if errors.As(err, &h) {
		e = e.withHint("%s", h.hint)
	}
	return e
}

// realType is the type of real-valued features made of t: Float32 stays, all
// other numbers become Float64.
func realType(t column.Type) column.Type {
	if t == column.Float32 {
		return t
	}
	return column.Float64
}

// toReal emits x as a float: integers are rounded once (beyond 2^53).
func toReal(b *program.Builder, x program.Register) program.Register {
	if b.Elem(x).Real() {
		return x
	}
	return b.Emit(program.ToFloat, program.Imm{}, x)
}

// toStored ends a computation: rounded once to float32 if the output is Float32.
func toStored(b *program.Builder, x program.Register, t column.Type) program.Register {
	if t == column.Float32 && b.Elem(x) != column.Float32 {
		return b.Emit(program.Round32, program.Imm{}, x)
	}
	return x
}

// alwaysConst emits c wherever x is a number (infinities too); null stays null and
// NaN stays NaN.
func alwaysConst(b *program.Builder, x program.Register, c float64) program.Register {
	zero := b.ConstFloat(0)
	flat := b.Emit(program.Clamp, program.Imm{}, x, zero, zero)
	flat = b.Emit(program.Abs, program.Imm{}, flat) // -0 becomes 0
	if c == 0 {
		return flat
	}
	return b.Emit(program.Add, program.Imm{}, flat, b.ConstFloat(c))
}

// finiteOnly emits x with its infinities made null, so that no statistic sees them.
func finiteOnly(b *program.Builder, x program.Register) program.Register {
	if !b.Elem(x).Real() {
		return x
	}
	infinite := b.Emit(program.IsInf, program.Imm{}, x)
	return b.Emit(program.Select, program.Imm{}, infinite, b.ConstNull(b.Elem(x)), x)
}

// notNaN emits x with NaN made null.
func notNaN(b *program.Builder, x program.Register) program.Register {
	if !b.Elem(x).Real() {
		return x
	}
	nan := b.Emit(program.IsNaN, program.Imm{}, x)
	return b.Emit(program.Select, program.Imm{}, nan, b.ConstNull(b.Elem(x)), x)
}

// infinite is the data error of an infinity among the values to learn from.
func infinite(op string, field column.Field) error {
	return diag.New("Q261", "%s cannot learn from column %q: it has infinities", op, field.Name).
		WithHint("put `clip: {min: ..., max: ...}` before it, or say `infinities: ignore`")
}

// nothingLearnt is the data error of a column without a usable value.
func nothingLearnt(op, what string, field column.Field) error {
	return diag.New("Q260", "%s finds no %s in column %q: no row that is learnt from has a value", op, what, field.Name).
		WithHint("give the value instead, as in `fill: {with: 0}`")
}

// nth names element i of a list option: "edges[2]".
func nth(key string, i int) string { return fmt.Sprintf("%s[%d]", key, i) }
