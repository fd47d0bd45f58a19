package feast

import (
	"quern/features/diag"
	"quern/internal/jsonscan"
	"quern/serve/lookup"
)

// jsonWire reads requests of POST /get-online-features. Scratch is memory for
// strings with escapes.
type jsonWire struct{ scratch []byte }

func (*jsonWire) tag() byte { return 'j' }

// readLookup takes the body of /get-online-features apart. All of it is checked to
// be JSON; what is in the lists is looked at when it is known what should be there.
func (r *request) readLookup(body []byte) error {
	r.reset()
	s := scanner{text: body}
	seen := fields{}
	hasEntities := false
	err := s.document(func(name []byte, escaped bool) error {
		switch string(name) {
		case "features":
			return seen.once(0, name, s.optional(kindArray, "features", &r.features))
		case "feature_service":
			raw, err := s.quoted("feature_service", true)
			r.service = raw
			return seen.once(1, name, err)
		case "entities":
			hasEntities = true
			return seen.once(2, name, r.readEntities(&s))
		case "full_feature_names":
			return seen.once(3, name, s.boolean("full_feature_names", &r.full))
		case "include_feature_view_version_metadata":
			return seen.once(4, name, s.boolean("include_feature_view_version_metadata", &r.metadata))
		}
		_, _, err := s.value()
		return err
	})
	switch {
	case err != nil:
		return err
	case !hasEntities:
		return missing("entities", body)
	case len(r.service) == 0 && r.features == nil:
		return diag.New("Q615", "the request names no features: give `features` or `feature_service`")
	}
	return nil
}

// readEntities reads the object of key columns.
func (r *request) readEntities(s *scanner) error {
	if s.next() != '{' {
		return s.shape("dict_type", "Input should be a valid dictionary", "entities")
	}
	return s.object(func(name []byte, escaped bool) error {
		if escaped {
			at := len(r.names)
			r.names = jsonscan.Unescape(r.names, name)
			name = r.names[at:len(r.names):len(r.names)]
		}
		if s.next() != '[' {
			return s.shape("list_type", "Input should be a valid list", "entities", lookup.Clip(name))
		}
		_, raw, err := s.value()
		if err != nil {
			return err
		}
		return r.add(name, raw)
	})
}

// fields notes which members of an object were there.
type fields [8]bool

// once passes err on, or says that a member is there twice.
func (f *fields) once(i int, name []byte, err error) error {
	if err == nil && f[i] {
		return diag.New("Q614", "the body says %q twice", name)
	}
	f[i] = true
	return err
}

// document reads one object and nothing after it.
func (s *scanner) document(member func(name []byte, escaped bool) error) error {
	if c := s.next(); c != '{' {
		if _, _, err := s.value(); err != nil {
			return err
		}
		return &shapeError{"model_attributes_type", "Input should be a valid dictionary or object to extract fields from", nil, nil}
	}
	if err := s.object(member); err != nil {
		return err
	}
	return s.end()
}

// optional reads a value of kind want into raw, or null.
func (s *scanner) optional(want kind, name string, raw *[]byte) error {
	k, text, err := s.value()
	switch {
	case err != nil:
		return err
	case k == want:
		*raw = text
	case k != kindNull:
		return &shapeError{"list_type", "Input should be a valid list", []string{name}, nil}
	}
	return nil
}

// quoted reads a string; where null may be, null is the empty one. The bytes are the
// body's, or new where the string has escapes.
func (s *scanner) quoted(name string, null bool) ([]byte, error) {
	if null && s.next() == 'n' {
		return nil, s.word("null")
	}
	if s.next() != '"' {
		return nil, s.shape("string_type", "Input should be a valid string", name)
	}
	raw, escaped, err := s.str()
	if err == nil && escaped {
		raw = jsonscan.Unescape(nil, raw)
	}
	return raw, err
}

// boolean reads true or false.
func (s *scanner) boolean(name string, into *bool) error {
	k, raw, err := s.value()
	if err == nil && k != kindBool {
		return &shapeError{"bool_type", "Input should be a valid boolean", []string{name}, nil}
	}
	*into = err == nil && raw[0] == 't'
	return err
}

// shape is the error of a value that is JSON but not what the call takes. What stands
// there is read first: a body that is no JSON at all is that before anything else.
func (s *scanner) shape(kind, problem string, at ...string) error {
	if _, _, err := s.value(); err != nil {
		return err
	}
	return &shapeError{kind, problem, at, nil}
}

func missing(name string, body []byte) error {
	return &shapeError{"missing", "Field required", []string{name}, body}
}

// shapeError is FastAPI's error for a body that does not have the model's form.
type shapeError struct {
	kind, problem string
	at            []string
	input         []byte // JSON; may be nil
}

// Error says where and what.
func (e *shapeError) Error() string {
	where := "body"
	for _, a := range e.at {
		where += "." + a
	}
	return where + ": " + e.problem
}

// references reads an array of strings.
func (w *jsonWire) references(list []byte, limit int) ([]lookup.Ref, error) {
	s := scanner{text: list}
	var refs []lookup.Ref
	err := s.array(func(i int) error {
		if s.next() != '"' {
			return s.shape("string_type", "Input should be a valid string", "features")
		}
		if i == limit {
			return diag.New("Q609", "the request has more than %d features", limit)
		}
		raw, _, err := s.str()
		if err != nil {
			return err
		}
		ref, err := lookup.ParseRef(string(jsonscan.Unescape(nil, raw)))
		refs = append(refs, ref)
		return err
	})
	return refs, err
}

// keys reads an array of keys.
func (w *jsonWire) keys(values []byte, name string, into *lookup.Cells, limit int) error {
	s := scanner{text: values}
	return s.array(func(i int) error {
		if i == limit {
			return tooManyRows(limit)
		}
		raw, p, err := w.cell(&s, into)
		if err == nil && p != "" {
			err = badKey(name, i, raw, into.Type.String(), p)
		}
		return err
	})
}

// cell appends the next value of s to a column, unless it is null: that is the
// Problem isNull, and nothing is appended.
func (w *jsonWire) cell(s *scanner, into *lookup.Cells) (raw []byte, p lookup.Problem, err error) {
	if s.next() == '"' {
		from := s.at
		text, escaped, err := s.str()
		if err != nil {
			return nil, "", err
		}
		if escaped {
			w.scratch = jsonscan.Unescape(w.scratch[:0], text)
			text = w.scratch
		}
		return s.text[from:s.at], into.AddString(text), nil
	}
	from := s.at
	if into.Element() != nil && s.next() == '[' {
		p, err := w.list(s, into)
		return s.text[from:s.at], p, err
	}
	k, raw, err := s.value()
	if err != nil {
		return nil, "", err
	}
	switch k {
	case kindNumber:
		p = into.AddNumber(raw)
	case kindBool:
		p = into.AddBool(raw[0] == 't')
	case kindNull:
		p = isNull
	case kindSpecial:
		p = into.AddString(raw)
	default:
		p = isNested
	}
	return raw, p, nil
}

const (
	isNull   lookup.Problem = "is no value"
	isNested lookup.Problem = "is an array or an object, which the column cannot take"
)

// list reads an array into a column of lists. Its elements may be null.
func (w *jsonWire) list(s *scanner, into *lookup.Cells) (problem lookup.Problem, err error) {
	elements := into.Element()
	err = s.array(func(int) error {
		if problem != "" {
			_, _, err := s.value()
			return err
		}
		_, p, err := w.cell(s, elements)
		if p == isNull {
			elements.AddNull()
		} else if p != "" {
			problem = "has an element that " + p
		}
		return err
	})
	if err == nil && problem == "" {
		problem = into.End()
	}
	return problem, err
}
