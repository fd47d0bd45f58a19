package expr

import (
	"fmt"
	"strings"

	"quern/features/diag"
)

// Function describes a function of the language.
type Function struct {
	Name      string
	Signature string // "substr(s string, start int [, length int]) -> string"
	Group     string // "numbers", "choice", "conversion", "strings", "dates", "lists", "ids"
	Doc       string // what it gives, faults included
	Null      string // what it makes of null
}

// Functions lists the functions, by group and there from the common to the rare.
func Functions() []Function {
	var all []Function
	for _, f := range functions() {
		all = append(all, f.Function)
	}
	return all
}

// function is a Function with its meaning.
type function struct {
	Function
	needs    []need // of the arguments
	optional int    // how many of the last ones may be missing
	more     bool   // the last one may come again
	build    func(c *checker, call *node, args []*term) *term
}

func functions() []function {
	var all []function
	for _, list := range [][]function{numberFunctions(), choiceFunctions(), castFunctions(), textFunctions(), timeFunctions(), listFunctions(), idFunctions()} {
		all = append(all, list...)
	}
	for i := range all {
		if all[i].Null == "" {
			all[i].Null = "null if any argument is null"
		}
		all[i].Name, _, _ = strings.Cut(all[i].Signature, "(")
	}
	return all
}

// need returns what argument i must be.
func (f *function) need(i int) need { return f.needs[min(i, len(f.needs)-1)] }

// accepts reports whether f takes n arguments.
func (f *function) accepts(n int) bool {
	return n >= len(f.needs)-f.optional && (n <= len(f.needs) || f.more)
}

// arity writes "2 or 3".
func (f *function) arity() string {
	low, high := len(f.needs)-f.optional, len(f.needs)
	switch {
	case f.more && low == 1:
		return "at least 1 argument"
	case f.more:
		return fmt.Sprintf("at least %d arguments", low)
	case low == high && low == 1:
		return "1 argument"
	case low == high:
		return fmt.Sprintf("%d arguments", low)
	}
	return fmt.Sprintf("%d or %d arguments", low, high)
}

// call returns the term of a function call.
func (c *checker) call(n *node) *term {
	args, _ := c.terms(n.args)
	f, ok := c.find(n.text)
	switch {
	case !ok:
		c.unknownFunction(n)
		return nil
	case !f.accepts(len(args)):
		c.report(n.span, "Q113", "%s takes %s, not %d", n.text, f.arity(), len(args)).Hint = f.Signature
		return nil
	}
	good := true
	for i, t := range args {
		args[i] = c.fit(n.text, f.need(i), n.args[i], t)
		good = good && args[i] != nil
	}
	if !good || !c.level(&f, n, args) || !f.needs[0].whole() && !c.inStep(n.text, n.args, args) {
		return nil
	}
	return f.build(c, n, args)
}

// level makes the arguments that must agree in type agree.
func (c *checker) level(f *function, n *node, args []*term) bool {
	for _, w := range []need{number, sameType} {
		var nodes []*node
		var terms []*term
		var at []int
		for i := range args {
			if f.need(i) == w {
				nodes, terms, at = append(nodes, n.args[i]), append(terms, args[i]), append(at, i)
			}
		}
		if len(terms) == 0 {
			continue
		}
		if w == number {
			terms = c.numbers(n.text, nodes, terms)
		} else {
			terms = c.unify(n.text, nodes, terms)
		}
		if terms == nil {
			return false
		}
		for i, t := range terms {
			args[at[i]] = t
		}
	}
	return true
}

func (c *checker) unknownFunction(n *node) {
	e := c.report(n.word, "Q112", "unknown function %q", n.text)
	if hint := elsewhere(n.text); hint != "" {
		e.Hint = hint
		return
	}
	names := make([]string, len(c.list))
	for i, f := range c.list {
		names[i] = f.Name
	}
	if near := diag.Nearest(strings.ToLower(n.text), names); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else if strings.ToLower(n.text) != n.text {
		if _, ok := c.find(strings.ToLower(n.text)); ok {
			e.Hint = fmt.Sprintf("did you mean %q?", strings.ToLower(n.text))
		}
	}
}

// elsewhere returns what a function of other languages is called here, or why there
// is none.
func elsewhere(name string) string {
	name = strings.ToLower(name)
	same := ""
	switch name {
	case "len", "char_length", "str_len", "list_length", "list_len", "array_length", "array_size", "cardinality", "size":
		same = "length"
	case "list_get", "list_extract", "list_element", "element_at", "array_get", "array_extract":
		same = "list_at"
	case "list_avg", "array_avg", "array_mean":
		same = "list_mean"
	case "array_sum", "array_min", "array_max", "array_slice":
		same = strings.Replace(name, "array", "list", 1)
	case "ifnull", "nvl", "fillna", "fill_null":
		same = "coalesce"
	case "isnull", "isna":
		same = "is_null"
	case "iif", "ifelse", "if_else", "where", "case":
		same = "if"
	case "ln":
		same = "log"
	case "power":
		same = "pow"
	case "ceiling":
		same = "ceil"
	case "sgn", "signum":
		same = "sign"
	case "min":
		same = "least, and of a list list_min"
	case "max":
		same = "greatest, and of a list list_max"
	case "clamp":
		same = "clip"
	case "substring", "slice", "mid":
		same = "substr"
	case "regexp_matches", "regexp_like", "rlike", "match":
		same = "matches"
	case "dayofweek", "day_of_week", "dow", "isodow":
		same = "weekday"
	case "dayofyear", "doy":
		same = "day_of_year"
	case "weekofyear", "week_of_year":
		same = "week"
	case "datediff", "date_diff":
		same = "days_between"
	case "str", "to_string":
		same = "string"
	case "double", "float64", "to_float", "to_number":
		same = "float"
	case "int64", "bigint", "integer", "to_int":
		same = "int"
	case "cast":
		return "write the type as a function: float(x), int(x), string(x)"
	case "log2":
		return "write log(x) / log(2)"
	case "log10":
		return "write log(x) / log(10)"
	case "now", "today", "current_date", "current_timestamp", "rand", "random":
		return "a feature depends on its row alone; give the source a column with the time or the number"
	case "mean", "avg", "sum", "std", "count", "median":
		return "an expression sees one row; statistics are learnt by steps such as fill and standardize. Of a list there are list_mean, list_sum and length"
	}
	if same == "" {
		return ""
	}
	return fmt.Sprintf("here it is called %s", same)
}
