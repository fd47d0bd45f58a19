package feast

import (
	"context"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/protofield"
)

// Push answers a call of the service GrpcFeatureServer, which is in no package: that of
// `feast listen`. It pushes one row to every view that a source feeds. The request is
//
//	map<string, string> features = 1;                   values as text, or
//	map<string, feast.types.Value> typed_features = 5;  with their types
//	string stream_feature_view = 2;                     the push source
//	bool allow_registry_cache = 3;                      (ignored)
//	string to = 4;                                      "online", or nothing
//
// and the reply, appended to dst, is {bool status = 1}.
func (s *Service) Push(ctx context.Context, message, dst []byte) ([]byte, error) {
	return s.listen(ctx, message, dst, 5, fed)
}

// WriteToOnlineStore is Push to one view:
//
//	map<string, string> features = 1;
//	string feature_view_name = 2;
//	bool allow_registry_cache = 3;
//	map<string, feast.types.Value> typed_features = 4;
func (s *Service) WriteToOnlineStore(ctx context.Context, message, dst []byte) ([]byte, error) {
	return s.listen(ctx, message, dst, 4, func(_ lookup.Catalog, p *push) ([]string, error) {
		return []string{string(p.name)}, nil
	})
}

// listen answers a call that writes one row. typed is the number of typed_features; views
// says to which views the row goes.
func (s *Service) listen(ctx context.Context, message, dst []byte, typed protowire.Number, views func(lookup.Catalog, *push) ([]string, error)) ([]byte, error) {
	if limit := s.options.Limits.Body; len(message) > limit {
		return dst, diag.New("Q609", "the message has more than %d bytes", limit)
	}
	x := s.borrow()
	defer s.giveBack(x)
	p, row, err := x.readRow(message, typed)
	if err != nil {
		return dst, err
	}
	c := s.server.Pin()
	defer c.Release()
	names, err := views(c, p)
	if err != nil {
		return dst, err
	}
	if err := s.write(ctx, x, c, names, row); err != nil {
		return dst, err
	}
	return append(dst, 1<<3, 1), nil
}

// readRow takes the message of a row apart.
func (x *exchange) readRow(message []byte, typed protowire.Number) (*push, *sentRow, error) {
	p, r := &push{}, &sentRow{x: x}
	x.request.reset()
	texts := false
	err := protofield.Each(message, func(f protofield.Field) error {
		if f.Kind != protowire.BytesType {
			return nil
		}
		texts, r.typed = texts || f.Number == 1, r.typed || f.Number == typed
		switch {
		case texts && r.typed:
			return diag.New("Q614", "Only one of features or typed_features may be set, not both")
		case f.Number == 1, f.Number == typed:
			return x.request.readEntry(f.Bytes)
		case f.Number == 2:
			p.name = f.Bytes
		case f.Number == 4:
			p.to = f.Bytes
		}
		return nil
	})
	return p, r, err
}

// sentRow reads the columns of one row: entries of a map, of texts or of Values.
type sentRow struct {
	x     *exchange
	typed bool
	time  lookup.Cells // one instant
	err   error
}

func (r *sentRow) start()            { r.err = nil }
func (r *sentRow) end() (int, error) { return 1, r.err }

// cells appends a value.
func (r *sentRow) cells(name string, into *lookup.Cells, nulls bool) {
	if r.err != nil {
		return
	}
	text := r.x.column(name).values
	if !r.typed {
		if p := addText(text, into); p != "" {
			r.err = badValue(name, 0, text, into.Type.String(), p)
		}
		return
	}
	v, err := valueOf(text)
	switch {
	case err != nil:
		r.err = err
	case nulls && (v.Number == 0 || v.Number == valNull):
		into.AddNull()
	default:
		if p := addTyped(v, into); p != "" {
			r.err = badValue(name, 0, nil, into.Type.String(), "the value "+p)
		}
	}
}

// times appends an instant.
func (r *sentRow) times(name string, into []int64, nulls bool) []int64 {
	r.time.Reset(column.Timestamp, false)
	r.cells(name, &r.time, nulls)
	switch {
	case r.err != nil:
		return into
	case r.time.Null(0):
		return append(into, lookup.NoTime)
	}
	return append(into, r.time.Int64s[0])
}

// addText appends a value that came as text, whatever its type: numbers as JSON writes them,
// true and false as Python does, too.
func addText(text []byte, into *lookup.Cells) lookup.Problem {
	switch t := into.Type; {
	case t == column.Bool:
		switch string(text) {
		case "true", "True":
			return into.AddBool(true)
		case "false", "False":
			return into.AddBool(false)
		}
	case t.Numeric():
		s := scanner{text: text}
		k, raw, err := s.value()
		if err == nil && k == kindNumber && len(raw) == len(text) {
			return into.AddNumber(raw)
		}
	}
	return into.AddString(text)
}

// addTyped is addValue for columns that may have lists.
func addTyped(v protofield.Field, into *lookup.Cells) lookup.Problem {
	const wrong = "has a type that the column cannot take"
	elements := into.Element()
	if elements == nil {
		return addValue(v, into)
	}
	of := v.Number - toList
	if v.Kind != protowire.BytesType || v.Number != valList && (of < valBytes || of > valUnix) {
		return wrong
	}
	problem := lookup.Problem("")
	err := protofield.Each(v.Bytes, func(f protofield.Field) error {
		switch {
		case f.Number != 1 || problem != "":
		case v.Number == valList:
			problem = addElement(f, elements)
		case f.Kind == protowire.BytesType && of != valBytes && of != valString:
			problem = addPacked(f.Bytes, of, elements)
		default:
			problem = addValue(protofield.Field{Number: of, Kind: f.Kind, Bytes: f.Bytes, Bits: f.Bits}, elements)
		}
		return nil
	})
	if err != nil {
		return "is not protobuf"
	}
	if problem != "" {
		return problem
	}
	return into.End()
}

// addElement appends a Value to the elements of a list, which may be null.
func addElement(f protofield.Field, into *lookup.Cells) lookup.Problem {
	v, err := valueOf(f.Bytes)
	if err != nil || f.Kind != protowire.BytesType {
		return "is not protobuf"
	}
	if v.Number == 0 || v.Number == valNull {
		into.AddNull()
		return ""
	}
	return addValue(v, into)
}

// addPacked appends packed numbers, which are those of field number of a Value.
func addPacked(b []byte, number protowire.Number, into *lookup.Cells) lookup.Problem {
	kind := protowire.VarintType
	switch number {
	case valDouble:
		kind = protowire.Fixed64Type
	case valFloat:
		kind = protowire.Fixed32Type
	}
	for len(b) > 0 {
		v := protofield.Field{Number: number, Kind: kind}
		n := v.Take(b)
		if n < 0 {
			return "is not protobuf"
		}
		b = b[n:]
		if p := addValue(v, into); p != "" {
			return p
		}
	}
	return ""
}
