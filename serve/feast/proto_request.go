package feast

import (
	"context"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/protofield"
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

// readProto takes a message apart.
func (r *request) readProto(message []byte) error {
	r.reset()
	return protofield.Each(message, func(f protofield.Field) error {
		switch {
		case f.Is(1, protowire.BytesType):
			if !utf8.Valid(f.Bytes) {
				return diag.New("Q614", "feature_service is not UTF-8")
			}
			r.service, r.features, r.asked = f.Bytes, nil, true // the last of a oneof counts
		case f.Is(2, protowire.BytesType):
			if r.features != nil {
				return diag.New("Q614", "the message has two lists of features")
			}
			r.service, r.features, r.asked = nil, f.Bytes, true
		case f.Is(3, protowire.BytesType):
			return r.readEntry(f.Bytes)
		case f.Is(4, protowire.VarintType):
			r.full = f.Bits != 0
		case f.Is(6, protowire.VarintType):
			r.metadata = f.Bits != 0
		}
		return nil
	})
}

// readEntry reads one entry of the map of entities.
func (r *request) readEntry(entry []byte) error {
	var name, values []byte
	err := protofield.Each(entry, func(f protofield.Field) error {
		switch {
		case f.Is(1, protowire.BytesType):
			name = f.Bytes
		case f.Is(2, protowire.BytesType):
			values = f.Bytes
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
	err := protofield.Each(list, func(f protofield.Field) error {
		if f.Number != 1 || f.Kind != protowire.BytesType {
			return nil
		}
		if len(refs) == limit {
			return diag.New("Q609", "the request has more than %d features", limit)
		}
		if !utf8.Valid(f.Bytes) {
			return diag.New("Q614", "a feature's name is not UTF-8")
		}
		ref, err := lookup.ParseRef(string(f.Bytes))
		refs = append(refs, ref)
		return err
	})
	return refs, err
}

// keys reads a RepeatedValue.
func (protoWire) keys(values []byte, name string, into *lookup.Cells, limit int) error {
	row := 0
	return protofield.Each(values, func(f protofield.Field) error {
		if f.Number != 1 || f.Kind != protowire.BytesType {
			return nil
		}
		if row == limit {
			return tooManyRows(limit)
		}
		v, err := valueOf(f.Bytes)
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
func valueOf(message []byte) (v protofield.Field, err error) {
	err = protofield.Each(message, func(f protofield.Field) error { v = f; return nil })
	return v, err
}

// addValue appends a Value to a column of keys, if that has exactly one meaning there.
func addValue(v protofield.Field, into *lookup.Cells) lookup.Problem {
	const unset, wrong = "is not set", "has a type that the column cannot take"
	want := protowire.VarintType
	switch v.Number {
	case valBytes, valString:
		want = protowire.BytesType
	case valDouble:
		want = protowire.Fixed64Type
	case valFloat:
		want = protowire.Fixed32Type
	case 0, valNull:
		return unset
	}
	if v.Kind != want {
		return wrong
	}
	switch v.Number {
	case valBytes:
		return into.AddBytes(v.Bytes)
	case valString:
		if !utf8.Valid(v.Bytes) {
			return "is not UTF-8"
		}
		return into.AddString(v.Bytes)
	case valInt32:
		return into.AddInt(int64(int32(v.Bits)))
	case valUnix:
		if seconds := int64(v.Bits); into.Type == column.Date && seconds%86400 == 0 {
			return into.AddDay(seconds / 86400) // as replies have days
		}
		return into.AddInt(int64(v.Bits))
	case valInt64:
		return into.AddInt(int64(v.Bits))
	case valDouble:
		return into.AddFloat(math.Float64frombits(v.Bits))
	case valFloat:
		return into.AddFloat(float64(math.Float32frombits(uint32(v.Bits))))
	case valBool:
		return into.AddBool(v.Bits != 0)
	}
	return wrong
}

// GetOnlineFeatures answers a call of feast.serving.ServingService: it reads the
// request message and appends the reply message to dst.
func (s *Service) GetOnlineFeatures(ctx context.Context, message, dst []byte) ([]byte, error) {
	if limit := s.options.Limits.Body; len(message) > limit {
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
