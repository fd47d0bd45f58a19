package ptx

import "strings"

// scope is what a pair of braces declares: registers, by name or by the prefix
// of a numbered range.
type scope struct {
	id     int
	names  map[string]string
	ranges map[string]span
}

// span is ".reg .type prefix<count>".
type span struct {
	kind  string
	count int
}

// function is the state while one entry is read.
type function struct {
	*parser
	entry  *Entry
	scopes []scope
	opened int
}

// entry reads a kernel, behind ".entry".
func (p *parser) entry() {
	f := &function{parser: p, entry: &Entry{Line: p.line(), Name: p.name(),
		regs: map[string]string{}, labels: map[string]int{}, tables: map[string][]string{}}}
	for _, e := range p.module.Entries {
		if e.Name == f.entry.Name {
			p.fail("entry %s appears twice", e.Name)
		}
	}
	if p.take("(") && !p.take(")") {
		f.parameters()
	}
	f.directives()
	p.expect("{")
	f.open()
	for len(f.scopes) > 0 {
		f.statement()
	}
	f.resolve()
	p.module.Entries = append(p.module.Entries, f.entry)
}

// parameters reads ".param .type name, ...)".
func (f *function) parameters() {
	offset := 0
	for {
		f.expect(".param")
		align := 1
		if f.take(".align") {
			align = f.count(4096)
		}
		t := strings.TrimPrefix(f.next(), ".")
		for f.take(".ptr") || f.take(".global") || f.take(".align") && f.count(4096) >= 0 {
		}
		size := width(t) / 8
		if size == 0 || t == "pred" {
			f.fail("parameter of type %q: not known", t)
		}
		align = max(align, size)
		name := f.name()
		if f.take("[") {
			size *= f.count(4096)
			f.expect("]")
		}
		offset = (offset + align - 1) / align * align
		f.entry.Params = append(f.entry.Params, Param{name, offset, size})
		if offset += size; offset > 4096 {
			f.fail("more than 4096 bytes of parameters")
		}
		if f.take(")") {
			return
		}
		f.expect(",")
	}
}

// directives reads what stands between the parameters and the body.
func (f *function) directives() {
	for f.peek() != "{" {
		switch d := f.next(); d {
		case ".maxntid", ".reqntid":
			f.entry.MaxThreads = f.count(1024)
			for f.take(",") {
				f.entry.MaxThreads *= f.count(1024)
			}
		case ".minnctapersm", ".maxnreg":
			f.count(1 << 20)
		case ".pragma":
			f.next()
			f.expect(";")
		default:
			f.at--
			f.fail("directive %q of an entry: not known", d)
		}
	}
}

func (f *function) open() {
	if len(f.scopes) > maxDepth {
		f.fail("braces nested too deep")
	}
	f.scopes = append(f.scopes, scope{f.opened, map[string]string{}, map[string]span{}})
	f.opened++
}

func (f *function) statement() {
	switch t := f.peek(); t {
	case "{":
		f.at++
		f.open()
	case "}":
		f.at++
		f.scopes = f.scopes[:len(f.scopes)-1]
	case ".reg":
		f.at++
		f.registers()
	case ".shared":
		f.entry.Shared = append(f.entry.Shared, f.variable())
	case ".local":
		f.entry.Local = append(f.entry.Local, f.variable())
	case ".pragma":
		f.at += 2
		f.expect(";")
	case ".loc":
		f.restOfLine()
	case ";":
		f.at++
	default:
		if f.tokens[min(f.at+1, len(f.tokens)-1)].text == ":" {
			f.label()
			return
		}
		f.instruction()
	}
}

// registers reads ".reg .type %a, %b<N>;" behind ".reg".
func (f *function) registers() {
	t := strings.TrimPrefix(f.next(), ".")
	if t != "pred" && width(t) == 0 {
		f.fail("register of type %q: not known", t)
	}
	s := f.scopes[len(f.scopes)-1]
	for {
		name := f.name()
		if f.take("<") {
			s.ranges[name] = span{t, f.count(maxRegister)}
			f.expect(">")
		} else {
			s.names[name] = t
		}
		if f.take(";") {
			return
		}
		f.expect(",")
	}
}

func (f *function) label() {
	name := f.name()
	f.expect(":")
	if f.peek() == ".branchtargets" {
		f.at++
		for {
			f.entry.tables[name] = append(f.entry.tables[name], f.name())
			if f.take(";") {
				return
			}
			f.expect(",")
		}
	}
	if _, twice := f.entry.labels[name]; twice {
		f.fail("label %s appears twice", name)
	}
	f.entry.labels[name] = len(f.entry.Body)
}

func (f *function) instruction() {
	in := &Instr{Line: f.line()}
	if f.take("@") {
		in.GuardNot = f.take("!")
		name, t := f.register(f.name())
		if t != "pred" {
			f.fail("guard %s is no predicate", name)
		}
		in.Guard = name
	}
	in.Op = f.name()
	for !f.take(";") {
		in.Args = append(in.Args, f.operand(0))
		if f.peek() != ";" {
			f.expect(",")
		}
	}
	f.entry.Body = append(f.entry.Body, in)
}

// operand reads one operand.
func (f *function) operand(depth int) Operand {
	var o Operand
	switch t := f.peek(); {
	case depth > 2:
		f.fail("operands nested too deep")
	case t == "{":
		f.at++
		o.Kind = Vector
		for !f.take("}") {
			o.List = append(o.List, f.operand(depth+1))
			if f.peek() != "}" {
				f.expect(",")
			}
		}
	case t == "[":
		f.at++
		base := f.operand(depth + 1)
		o = Operand{Kind: Address, List: []Operand{base}, Offset: base.Offset}
		f.expect("]")
	case t == "!":
		f.at++
		o = f.operand(depth + 1)
		o.Not = true
	case t == "-" || t != "" && '0' <= t[0] && t[0] <= '9':
		return f.number()
	default:
		o = f.named(depth)
	}
	if f.peek() == "|" {
		f.at++
		o = Operand{Kind: Pair, List: []Operand{o, f.operand(depth + 1)}}
	}
	return o
}

// named reads an operand that starts with a name: register, special register,
// symbol; inside brackets with an offset.
func (f *function) named(depth int) Operand {
	name := f.name()
	o := Operand{Kind: Symbol, Name: name}
	if name == "_" {
		return Operand{Kind: Sink}
	}
	if register, t := f.register(name); t != "" {
		o = Operand{Kind: Register, Name: register}
	} else if special(name) {
		o.Kind = Special
	} else if name[0] == '%' {
		f.fail("register %s is not declared", name)
	}
	sign := f.peek()
	if sign == "+" || sign == "-" {
		if sign == "+" {
			f.at++
		}
		n := f.number()
		if n.Kind != Integer || o.Kind == Special || depth == 0 && o.Kind == Register {
			f.fail("offset of %s is not known here", name)
		}
		o.Offset = int64(n.Value)
	}
	return o
}

// register finds a register by the name in the text and returns its unique name
// and type, or "" and "" if nothing declares it.
func (f *function) register(name string) (unique, kind string) {
	digits := len(name)
	for digits > 0 && '0' <= name[digits-1] && name[digits-1] <= '9' {
		digits--
	}
	for i := len(f.scopes) - 1; i >= 0; i-- {
		s := f.scopes[i]
		t, ok := s.names[name]
		if !ok && digits < len(name) {
			r, found := s.ranges[name[:digits]]
			ok = found && len(name)-digits < 8 && number(name[digits:]) < r.count
			t = r.kind
		}
		if ok {
			if unique = name; s.id > 0 {
				unique = name + "@" + decimal(s.id)
			}
			f.entry.regs[unique] = t
			return unique, t
		}
	}
	return "", ""
}

// resolve checks that every branch has a target in the body.
func (f *function) resolve() {
	e := f.entry
	known := func(line int, label string) {
		if at, ok := e.labels[label]; !ok || at >= len(e.Body) {
			panic(fault(line, "no instruction at label %s", label))
		}
	}
	for _, in := range e.Body {
		switch base, _, _ := strings.Cut(in.Op, "."); {
		case base == "bra" && len(in.Args) == 1:
			known(in.Line, in.Args[0].Name)
		case base == "brx" && len(in.Args) == 2:
			for _, l := range e.tables[in.Args[1].Name] {
				known(in.Line, l)
			}
		}
	}
}
