package feast

import (
	"context"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
)

// protoWire reads feast.serving.GetOnlineFeaturesRequest:
//
//	oneof kind { string feature_service = 1; FeatureList features = 2; }
//	map<string, feast.types.RepeatedValue> entities = 3;
//	bool full_feature_names = 4;
//	map<string, feast.types.RepeatedValue> request_context = 5;    (ignored)
//	bool include_feature_view_version_metadata = 6;
//	FeatureList { repeated string val = 1; }
//	RepeatedValue { repeated feast.types.Value val = 1; }
type protoWire struct{}

func (protoWire) tag() byte { return 'p' }

// field is one field of a message.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte // of a length-delimited one
	bits   uint64 // of any other
}

// fieldsOf calls each at every field of a message.
func fieldsOf(message []byte, each func(f field) error) error {
	for len(message) > 0 {
		f, n := nextField(message)
		if n < 0 {
			return diag.New("Q614", "the message is not protobuf: %v", protowire.ParseError(n))
		}
		message = message[n:]
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}

// nextField reads a field and returns how many bytes it took, or a negative number.
func nextField(message []byte) (f field, n int) {
	number, kind, n := protowire.ConsumeTag(message)
	if n >= 0 && number > protowire.MaxValidNumber {
		n = -1
	}
	if n < 0 {
		return f, n
	}
	f.number, f.kind = number, kind
	rest := message[n:]
	m := 0
	switch kind {
	case protowire.VarintType:
		f.bits, m = protowire.ConsumeVarint(rest)
	case protowire.Fixed32Type:
		var b uint32
		b, m = protowire.ConsumeFixed32(rest)
		f.bits = uint64(b)
	case protowire.Fixed64Type:
		f.bits, m = protowire.ConsumeFixed64(rest)
	case protowire.BytesType:
		f.bytes, m = protowire.ConsumeBytes(rest)
	default:
		m = protowire.ConsumeFieldValue(number, kind, rest)
	}
	if m < 0 {
		return f, m
	}
	return f, n + m
}

// readProto takes a message apart.
func (r *request) readProto(message []byte) error {
	r.reset()
	return fieldsOf(message, func(f field) error {
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			if !utf8.Valid(f.bytes) {
				return diag.New("Q614", "feature_service is not UTF-8")
			}
			r.service, r.features, r.asked = f.bytes, nil, true // the last of a oneof counts
		case f.number == 2 && f.kind == protowire.BytesType:
			if r.features != nil {
				return diag.New("Q614", "the message has two lists of features")
			}
			r.service, r.features, r.asked = nil, f.bytes, true
		case f.number == 3 && f.kind == protowire.BytesType:
			return r.readEntry(f.bytes)
		case f.number == 4 && f.kind == protowire.VarintType:
			r.full = f.bits != 0
		case f.number == 6 && f.kind == protowire.VarintType:
			r.metadata = f.bits != 0
		}
		return nil
	})
}

// readEntry reads one entry of the map of entities.
func (r *request) readEntry(entry []byte) error {
	var name, values []byte
	err := fieldsOf(entry, func(f field) error {
		switch {
		case f.number == 1 && f.kind == protowire.BytesType:
			name = f.bytes
		case f.number == 2 && f.kind == protowire.BytesType:
			values = f.bytes
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.add(name, values)
}

// references reads a FeatureList.
func (protoWire) references(list []byte, limit int) ([]lookup.Ref, error) {
	var refs []lookup.Ref
	err := fieldsOf(list, func(f field) error {
		if f.number != 1 || f.kind != protowire.BytesType {
			return nil
		}
		if len(refs) == limit {
			return diag.New("Q609", "the request has more than %d features", limit)
		}
		if !utf8.Valid(f.bytes) {
			return diag.New("Q614", "a feature's name is not UTF-8")
		}
		ref, err := lookup.ParseRef(string(f.bytes))
		refs = append(refs, ref)
		return err
	})
	return refs, err
}

// keys reads a RepeatedValue.
func (protoWire) keys(values []byte, name string, into *lookup.Cells, limit int) error {
	row := 0
	return fieldsOf(values, func(f field) error {
		if f.number != 1 || f.kind != protowire.BytesType {
			return nil
		}
		if row == limit {
			return tooManyRows(limit)
		}
		v, err := valueOf(f.bytes)
		if err != nil {
			return err
		}
		if p := addValue(v, into); p != "" {
			return badKey(name, row, nil, into.Type.String(), "the value "+p)
		}
		row++
		return nil
	})
}

// valueOf returns the field of a feast.types.Value that is set: the last one, as in
// any oneof; number 0 is none.
func valueOf(message []byte) (v field, err error) {
	err = fieldsOf(message, func(f field) error { v = f; return nil })
	return v, err
}

// addValue appends a Value to a column of keys, if that has exactly one meaning there.
func addValue(v field, into *lookup.Cells) lookup.Problem {
	const unset, wrong = "is not set", "has a type that the column cannot take"
	want := protowire.VarintType
	switch v.number {
	case valBytes, valString:
		want = protowire.BytesType
	case valDouble:
		want = protowire.Fixed64Type
	case valFloat:
		want = protowire.Fixed32Type
	case 0, valNull:
		return unset
	}
	if v.kind != want {
		return wrong
	}
	switch v.number {
	case valBytes:
		return into.AddBytes(v.bytes)
	case valString:
		if !utf8.Valid(v.bytes) {
			return "is not UTF-8"
		}
		return into.AddString(v.bytes)
	case valInt32:
		return into.AddInt(int64(int32(v.bits)))
	case valUnix:
		if seconds := int64(v.bits); into.Type == column.Date && seconds%86400 == 0 {
			return into.AddDay(seconds / 86400) // as replies have days
		}
		return into.AddInt(int64(v.bits))
	case valInt64:
		return into.AddInt(int64(v.bits))
	case valDouble:
		return into.AddFloat(math.Float64frombits(v.bits))
	case valFloat:
		return into.AddFloat(float64(math.Float32frombits(uint32(v.bits))))
	case valBool:
		return into.AddBool(v.bits != 0)
	}
	return wrong
}

// GetOnlineFeatures answers a call of feast.serving.ServingService: it reads the
// request message and appends the reply message to dst.
func (s *Service) GetOnlineFeatures(ctx context.Context, message, dst []byte) ([]byte, error) {
	if limit := s.options.Limits.body(); len(message) > limit {
		return dst, diag.New("Q609", "the message has more than %d bytes", limit)
	}
	x := s.borrow()
	defer s.giveBack(x)
	return s.lookupProto(ctx, x, message, dst)
}

func (s *Service) lookupProto(ctx context.Context, x *exchange, message, dst []byte) ([]byte, error) {
	if err := x.request.readProto(message); err != nil {
		return dst, err
	}
	if !x.request.asked {
		return dst, diag.New("Q615", "the request names no features")
	}
	if err := s.answer(ctx, x, protoWire{}); err != nil {
		return dst, err
	}
	return x.proto.reply(dst, &x.lookup, &x.block, x.request.metadata), nil
}

// GetFeastServingInfo appends the reply message of that call: {string version = 1}.
func (s *Service) GetFeastServingInfo(dst []byte, version string) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	return protowire.AppendString(dst, version)
}

// Message is what Codec carries: the bytes of one message, as they are.
type Message struct{ Bytes []byte }

// Codec is a codec of google.golang.org/grpc (encoding.Codec) that leaves messages
// as they are: requests and replies are *Message. Give it to
// grpc.ForceServerCodec.
type Codec struct{}

// Name says that the bytes are protobuf.
func (Codec) Name() string { return "proto" }

// Marshal returns the bytes of a *Message.
func (Codec) Marshal(v any) ([]byte, error) {
	m, ok := v.(*Message)
	if !ok {
		panic("quern: bug: the raw codec carries *feast.Message only")
	}
	return m.Bytes, nil
}

// Unmarshal gives a *Message the bytes, which it does not copy.
func (Codec) Unmarshal(data []byte, v any) error {
	m, ok := v.(*Message)
	if !ok {
		panic("quern: bug: the raw codec carries *feast.Message only")
	}
	m.Bytes = data
	return nil
}
