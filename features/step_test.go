package features

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// cell is one value of a test table.
type cell = program.Value

// table is what a step is run on.
type table struct {
	fields []column.Field
	rows   [][]cell
}

// stepResult is what a step made of a table: the outputs of every lane.
type stepResult struct {
	fields   []column.Field
	learnt   []Number
	serving  [][]cell
	training [][]cell
}

// parseStep reads a step as a recipe would.
func parseStep(step string) (Operator, error) {
	file, err := parser.ParseBytes([]byte(step), 0)
	if err != nil {
		return nil, err
	}
	name, options := "", map[string]any{}
	switch v := yamlValue(file.Docs[0].Body).(type) {
	case string:
		name = v
	case map[string]any:
		for key, value := range v {
			name, options = key, value.(map[string]any)
		}
	}
	e, ok := Find(name)
	if !ok {
		return nil, fmt.Errorf("no operator %q", name)
	}
	op := e.New()
	if mistakes := Decode(op, options); len(mistakes) > 0 {
		errs := make([]error, len(mistakes))
		for i, m := range mistakes {
			errs[i] = m
		}
		return nil, errors.Join(errs...)
	}
	return op, nil
}

// yamlValue converts a node to what Decode takes.
func yamlValue(n ast.Node) any {
	switch n := n.(type) {
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return Literal(n.GetToken().Value)
	case *ast.StringNode:
		// The parser takes 1e9 for a text, which YAML 1.2 says is a number.
		if _, ok := Literal(n.Value).Rat(); ok && n.Token.Type == token.StringType {
			return Literal(n.Value)
		}
		return n.Value
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, v := range n.Values {
			list[i] = yamlValue(v)
		}
		return list
	case *ast.MappingNode:
		m := map[string]any{}
		for _, v := range n.Values {
			m[v.Key.String()] = yamlValue(v.Value)
		}
		return m
	case *ast.MappingValueNode:
		return map[string]any{n.Key.String(): yamlValue(n.Value)}
	}
	return nil
}

// runStep parses and runs a step; the first fitted rows are learnt from.
func runStep(t *testing.T, step, name string, in *table, fitted int) (*stepResult, error) {
	op, err := parseStep(step)
	if err != nil {
		return nil, err
	}
	return runOperator(t, op, name, in, fitted)
}

// runOperator binds op to the columns of in, learns from the first fitted rows,
// and transforms all rows in both modes.
func runOperator(t *testing.T, op Operator, name string, in *table, fitted int) (*stepResult, error) {
	if name == "" {
		name = "feature"
	}
	lanes, references := splitLanes(op, in)
	groups := make([][]int, 0, len(lanes))
	if c, ok := op.(Combiner); ok && c.Arity() == All {
		groups = append(groups, lanes)
	} else {
		for _, lane := range lanes {
			groups = append(groups, []int{lane})
		}
	}
	all := &stepResult{serving: make([][]cell, len(in.rows)), training: make([][]cell, len(in.rows))}
	for _, group := range groups {
		base := name
		if len(groups) > 1 || len(lanes) == 1 {
			base = in.fields[group[0]].Name
		}
		bound, err := learnRounds(t, op, in, append(group, references...), fitted)
		if err != nil {
			return nil, err
		}
		if err := all.transform(bound, op, in, group, references, base); err != nil {
			return nil, err
		}
		for _, n := range bound.Learnt() {
			if len(groups) > 1 {
				n.Name = base + "." + n.Name
			}
			all.learnt = append(all.learnt, n)
		}
	}
	return all, nil
}

// splitLanes finds the columns that op names in its options; the others are lanes.
func splitLanes(op Operator, in *table) (lanes, references []int) {
	schema := column.Schema(in.fields)
	isReference := map[int]bool{}
	if r, ok := op.(Reader); ok {
		for _, ref := range r.Reads() {
			i := schema.Find(ref.Name)
			if i < 0 {
				panic("script: no column for reference " + ref.Name)
			}
			references, isReference[i] = append(references, i), true
		}
	}
	for i := range in.fields {
		if !isReference[i] {
			lanes = append(lanes, i)
		}
	}
	return lanes, references
}

// learnRounds binds op to columns and learns all rounds.
func learnRounds(t *testing.T, op Operator, in *table, columns []int, fitted int) (Bound, error) {
	fields := make([]column.Field, len(columns))
	for i, c := range columns {
		fields[i] = in.fields[c]
	}
	bound, err := Bind(op, fields)
	for err == nil && bound.Rounds() > 0 {
		left := bound.Rounds()
		bound, err = learnRound(t, bound, in, columns, fitted)
		if err == nil && bound.Rounds() >= left {
			t.Fatalf("%T: a round was learnt and %d are left", op, bound.Rounds())
		}
	}
	return bound, err
}

// learnRound evaluates what one round observes, row by row, and fits.
func learnRound(t *testing.T, bound Bound, in *table, columns []int, fitted int) (Bound, error) {
	b := program.NewBuilder(in.fields)
	wants := bound.Wants(b, loadColumns(b, columns))
	for i, w := range wants {
		for j, tuple := range w.Args {
			for k, r := range tuple {
				if b.Elem(r) != w.Spec.Types[k] {
					t.Fatalf("want %d, tuple %d: arg %d is %s, the spec says %s", i, j, k, b.Elem(r), w.Spec.Types[k])
				}
				b.Output(fmt.Sprintf("%d.%d.%d", i, j, k), r, program.RoleFeature)
			}
		}
	}
	rows, err := evaluate(b.Finish(), in.fields, in.rows[:fitted])
	if err != nil {
		return nil, err
	}
	learnt := make([]stat.Statistic, len(wants))
	at := 0
	for i, w := range wants {
		if learnt[i], err = stat.New(w.Spec, stat.Resources{}); err != nil {
			t.Fatalf("want %d: %v", i, err)
		}
		defer learnt[i].Close()
		for _, tuple := range w.Args {
			args := make([]column.Column, len(tuple))
			for k := range tuple {
				values := gatherCells(w.Spec.Types[k], rows, at, b.Type(tuple[k]).IsList())
				args[k] = column.Column{Len: values.Len, Values: values}
				at++
			}
			learnt[i].Observe(args, nil)
		}
	}
	return bound.Fit(learnt)
}

// loadColumns loads columns into registers.
func loadColumns(b *program.Builder, columns []int) []program.Register {
	in := make([]program.Register, len(columns))
	for i, c := range columns {
		in[i] = b.Load(c)
	}
	return in
}

// gatherCells makes a plain vector, in register form, of one output of all rows, or
// of the elements of its lists.
func gatherCells(t column.Type, rows [][]cell, at int, lists bool) column.Vector {
	var values []cell
	for _, row := range rows {
		if lists {
			values = append(values, row[at].List...)
		} else {
			values = append(values, row[at])
		}
	}
	return program.RegisterVector(t, values...)
}

// transform lowers in both modes and adds the outputs to r.
func (r *stepResult) transform(bound Bound, op Operator, in *table, lanes, references []int, base string) error {
	for _, mode := range []Mode{Serving, Training} {
		b := program.NewBuilder(in.fields)
		args := loadColumns(b, append(append([]int{}, lanes...), references...))
		if reader, ok := op.(Reader); ok && mode == Serving {
			for i, ref := range reader.Reads() {
				if ref.Label {
					args[len(lanes)+i] = program.None
				}
			}
		}
		registers := bound.Lower(b, args, mode)
		fields := bound.Out()
		if len(registers) != len(fields) {
			return fmt.Errorf("%d registers for %d outputs", len(registers), len(fields))
		}
		for i, reg := range registers {
			if b.Type(reg) != fields[i].Type {
				return fmt.Errorf("output %q is %s, Out says %s", fields[i].Name, b.Type(reg), fields[i].Type)
			}
			b.Output(fmt.Sprintf("%d", i), reg, program.RoleFeature)
			if mode == Serving {
				r.fields = append(r.fields, column.Field{Name: outputName(base, fields[i].Name), Type: fields[i].Type})
			}
		}
		rows, err := evaluate(b.Finish(), in.fields, in.rows)
		if err != nil {
			return err
		}
		into := r.serving
		if mode == Training {
			into = r.training
		}
		for i := range rows {
			into[i] = append(into[i], rows[i]...)
		}
	}
	return nil
}

// outputName applies the naming rule of Bound.Out.
func outputName(base, suffix string) string {
	switch {
	case suffix == "":
		return base
	case strings.HasPrefix(suffix, "="):
		return suffix[1:]
	}
	return base + "_" + suffix
}

// evaluate runs a program over rows of schema with the scalar meaning; the values
// are copies.
func evaluate(p *program.Program, schema column.Schema, rows [][]cell) ([][]cell, error) {
	if err := program.Verify(p); err != nil {
		return nil, err
	}
	evaluator, err := p.Evaluator()
	if err != nil {
		return nil, err
	}
	out := make([][]cell, len(rows))
	in := make([]cell, len(p.Inputs))
	for i, row := range rows {
		for j, f := range p.Inputs {
			in[j] = row[schema.Find(f.Name)]
		}
		registers, err := evaluator.Row(in)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
		for _, o := range p.Outputs {
			v := registers[o.Register]
			v.Str = append([]byte(nil), v.Str...)
			out[i] = append(out[i], v)
		}
	}
	return out, nil
}

// differs reports whether any row has training values of its own.
func (r *stepResult) differs() bool {
	for i := range r.serving {
		for j := range r.serving[i] {
			if formatCell(r.fields[j].Type, r.serving[i][j]) != formatCell(r.fields[j].Type, r.training[i][j]) {
				return true
			}
		}
	}
	return false
}

// header returns the output names and types.
func (r *stepResult) header() []string {
	var out []string
	for _, f := range r.fields {
		out = append(out, f.Name+":"+f.Type.String())
	}
	if r.differs() {
		out = append(out, "|")
		for range r.fields {
			out = append(out, "training")
		}
	}
	return out
}

// line returns the outputs of row i; rows that were not learnt from have no training values.
func (r *stepResult) line(i int, fitted bool) []string {
	var out []string
	for j, v := range r.serving[i] {
		out = append(out, formatCell(r.fields[j].Type, v))
	}
	if r.differs() && fitted {
		out = append(out, "|")
		for j, v := range r.training[i] {
			out = append(out, formatCell(r.fields[j].Type, v))
		}
	}
	return out
}

// errorLines prints what a user would be told.
func errorLines(err error) string {
	var b strings.Builder
	var joined interface{ Unwrap() []error }
	list := []error{err}
	if errors.As(err, &joined) {
		list = joined.Unwrap()
	}
	for _, err := range list {
		var d *diag.Error
		if !errors.As(err, &d) {
			fmt.Fprintf(&b, "error %v\n", err)
			continue
		}
		fmt.Fprintf(&b, "error %s %s", d.Code, d.Message)
		var o *OptionError
		if errors.As(err, &o) && o.Path != "" {
			fmt.Fprintf(&b, " [at %s]", o.Path)
		}
		if d.Hint != "" {
			fmt.Fprintf(&b, "; %s", d.Hint)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// parseCell reads a value of type t.
func parseCell(t column.Type, text string) (cell, error) {
	if text == "null" {
		return program.NullValue(), nil
	}
	if t.IsList() {
		return parseList(t.Elem(), text)
	}
	var v cell
	var err error
	ok := true
	switch t {
	case column.Bool:
		v.Bool, err = strconv.ParseBool(text)
	case column.Int32, column.Int64:
		v.Int, err = strconv.ParseInt(text, 10, 64)
	case column.Float32:
		v.Float, ok = program.ParseFloatText([]byte(text))
		v.Float = program.RoundTo32(v.Float)
	case column.Float64:
		v.Float, ok = program.ParseFloatText([]byte(text))
	case column.String:
		text, err = strconv.Unquote(text)
		v.Str = []byte(text)
	default:
		v.Int, ok = program.ParseTimeText(t, []byte(text))
	}
	if !ok {
		err = fmt.Errorf("%q is no %s", text, t)
	}
	return v, err
}

// parseList reads a list, such as [1,null] or ["a","b"], of elements without commas.
func parseList(elem column.Type, text string) (cell, error) {
	inside, ok := strings.CutPrefix(text, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if !ok || !closed {
		return cell{}, fmt.Errorf("%q is no list", text)
	}
	v := cell{List: []cell{}}
	if inside == "" {
		return v, nil
	}
	for part := range strings.SplitSeq(inside, ",") {
		e, err := parseCell(elem, part)
		if err != nil {
			return cell{}, err
		}
		v.List = append(v.List, e)
	}
	return v, nil
}

// formatCell writes a value so that parseCell reads it back.
func formatCell(t column.Type, v cell) string {
	switch {
	case v.Null:
		return "null"
	case t.IsList():
		texts := make([]string, len(v.List))
		for i, e := range v.List {
			texts[i] = formatCell(t.Elem(), e)
		}
		return "[" + strings.Join(texts, ",") + "]"
	case t == column.String:
		return strconv.Quote(string(v.Str))
	}
	return string(program.AppendFormat(nil, t, v))
}
