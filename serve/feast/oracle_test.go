package feast

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"quern/features/column"
	"quern/serve/lookup"
)

// randomStore has a view with a feature of every type, scalars and lists, under a key
// of int64 and string, and rows with nulls, odd numbers and odd texts.
func randomStore(t testing.TB, seed uint64) (*lookup.Memory, *lookup.View) {
	m := lookup.NewMemory()
	v := &lookup.View{Name: "all", Number: 3, TTL: time.Hour, Keys: []column.Field{{Name: "id", Type: column.Int64}, {Name: "part", Type: column.String}}}
	for _, typ := range column.Types() {
		v.Fields = append(v.Fields, lookup.Field{Name: typ.String(), Type: typ}, lookup.Field{Name: typ.String() + "s", Type: column.ListOf(typ)})
	}
	v.Fields = append(v.Fields, lookup.Field{Name: "raw", Type: column.String, Binary: true},
		lookup.Field{Name: "raws", Type: column.ListOf(column.String), Binary: true})
	m.Define(v)
	if err := m.Write(context.Background(), randomRows(v, seed)); err != nil {
		t.Fatal(err)
	}
	return m, v
}

// randomRows makes rows of the view of randomStore.
func randomRows(v *lookup.View, seed uint64) *lookup.Rows {
	r := rand.New(rand.NewPCG(seed, 9))
	rows := &lookup.Rows{}
	rows.Reset(v)
	for id := range 50 {
		rows.Keys[0].AddInt(int64(id))
		rows.Keys[1].AddString(fmt.Appendf(nil, "p%d", id%2))
		for i := range rows.Fields {
			addRandom(r, &rows.Fields[i])
		}
		grain := []int64{1, 1000, 1e6}[id%3]
		rows.Event = append(rows.Event, wireTime().UnixMicro()-r.Int64N(2*3600*1e6)/grain*grain)
		rows.Created = append(rows.Created, lookup.NoTime)
		rows.Rows++
	}
	return rows
}

// addRandom appends a random value: one in six is null, also in lists.
func addRandom(r *rand.Rand, c *lookup.Cells) {
	if r.IntN(6) == 0 {
		c.AddNull()
		return
	}
	odd := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e16, 1e-5, math.MaxFloat32, 5e-45}
	texts := []string{"", "Zürich", "a\"b\\c\n\t\x00\x7f", "\u2028😀", "\xff\xfe", "plain text"}
	switch {
	case c.Type.IsList():
		for range r.IntN(4) {
			addRandom(r, c.Element())
		}
		c.End()
	case c.Type == column.Bool:
		c.AddBool(r.IntN(2) == 0)
	case c.Type == column.Date:
		c.AddString([]byte(time.Unix(r.Int64N(1<<34)-1<<33, 0).UTC().Format("2006-01-02")))
	case c.Type == column.Int32:
		c.AddInt(int64(int32(r.Uint32())))
	case c.Type == column.Int64:
		c.AddInt(int64(r.Uint64() >> r.IntN(64)))
	case c.Type.Kind() == column.Ints:
		c.AddMicros(r.Int64N(1<<51) - 1<<50)
	case c.Type.Real() && r.IntN(3) == 0:
		c.AddFloat(odd[r.IntN(len(odd))])
	case c.Type.Real():
		c.AddFloat(float64(float32(r.NormFloat64() * math.Pow(10, float64(r.IntN(60)-30)))))
	default:
		c.AddBytes([]byte(texts[r.IntN(len(texts))]))
	}
}

// asked runs a look-up of all fields about a mix of keys, and returns its parts.
func asked(t testing.TB, m *lookup.Memory, v *lookup.View, rules lookup.Rules, rows int) (*lookup.Keys, *lookup.Block) {
	var refs []lookup.Ref
	for i := range v.Fields {
		refs = append(refs, lookup.Ref{View: v.Name, Feature: v.Fields[i].Name})
	}
	q, err := lookup.Compile(m, refs, false)
	if err != nil {
		t.Fatal(err)
	}
	k, b := &lookup.Keys{}, &lookup.Block{}
	k.Reset(q)
	for i := range rows {
		id := i * 7 % 60
		k.Columns[0].AddInt(int64(id))
		k.Columns[1].AddString(fmt.Appendf(nil, "p%d", id%2))
		k.Rows++
	}
	if err := m.Lookup(context.Background(), q, k, b); err != nil {
		t.Fatal(err)
	}
	b.Expire(wireTime().UnixMicro(), rules)
	return k, b
}

// plainValue is what a value means, for encoding/json: independent of the encoder.
func plainValue(v *column.Vector, i int, isBinary bool) any {
	if v.Null(i) {
		return nil
	}
	switch {
	case v.Type.IsList():
		list := []any{}
		lo, hi := v.List(i)
		for j := lo; j < hi; j++ {
			list = append(list, plainValue(&v.Elements.Values, v.Elements.Slot(j), isBinary))
		}
		return list
	case v.Type == column.Bool:
		return v.Bools[i]
	case v.Type == column.Date:
		return json.Number(fmt.Sprint(int64(v.Int32s[i]) * 86400))
	case v.Type.Temporal():
		return json.Number(fmt.Sprint(time.UnixMicro(v.Int64s[i]).Unix()))
	case v.Type.Integer():
		return json.Number(fmt.Sprint(v.Int(i)))
	case v.Type.Real():
		x := v.Float(i)
		switch {
		case math.IsNaN(x):
			return "NaN"
		case math.IsInf(x, 1):
			return "Infinity"
		case math.IsInf(x, -1):
			return "-Infinity"
		}
		return json.Number(python(x))
	case isBinary:
		return base64.StdEncoding.EncodeToString(v.Text.At(i))
	}
	return validText(v.Text.At(i))
}

// validText is what encoding/json makes of bytes.
func validText(raw []byte) (s string) {
	text, _ := json.Marshal(string(raw))
	json.Unmarshal(text, &s)
	return s
}

func allRules() []lookup.Rules {
	return []lookup.Rules{{}, {KeepStale: true}, {Compat: lookup.FeastGo}, {Compat: lookup.FeastPython}}
}

// TestJSONRepliesSayWhatTheBlockHas decodes replies with encoding/json.
func TestJSONRepliesSayWhatTheBlockHas(t *testing.T) {
	e := jsonEncoder{}
	for seed, rules := range allRules() {
		m, v := randomStore(t, uint64(seed))
		for _, rows := range []int{1, 63, 64, 65, 130} {
			k, b := asked(t, m, v, rules, rows)
			text := e.reply(nil, k, b, true)
			if !utf8.Valid(text) {
				t.Fatal("the reply is not UTF-8")
			}
			got, ok := columns(string(text))
			if !ok || len(got) != len(v.Fields)+2 {
				t.Fatalf("no reply: %s", text)
			}
			for f := range b.Values {
				c := got[b.Query.Fields[f].Name]
				for r := range rows {
					status, shown := b.Status(f, r)
					want := any(nil)
					if shown {
						want = plainValue(&b.Values[f].Vector, r, b.Values[f].Binary)
					}
					event := time.Unix(0, 0).UTC()
					if us := b.Parts[0].Event[r]; us != lookup.NoTime {
						event = time.UnixMicro(us).UTC()
					}
					stamp := event.Format("2006-01-02T15:04:05.000000Z")
					switch us := event.Nanosecond() / 1000; {
					case us == 0:
						stamp = event.Format("2006-01-02T15:04:05Z")
					case us%1000 == 0:
						stamp = event.Format("2006-01-02T15:04:05.000Z")
					}
					have := fmt.Sprintf("%q %v %v", c["values"].([]any)[r], c["statuses"].([]any)[r], c["event_timestamps"].([]any)[r])
					if have != fmt.Sprintf("%q %v %v", want, status, stamp) {
						t.Fatalf("%s, row %d of %d: %s, want %v %v %s", b.Query.Fields[f].Name, r, rows, have, want, status, stamp)
					}
				}
			}
		}
	}
}

// TestProtoRepliesAreProtobufs decodes replies with protobuf-go, compares every value,
// and marshals them again: the bytes are the same.
func TestProtoRepliesAreProtobufs(t *testing.T) {
	d := describe(t)
	e := protoEncoder{}
	for seed, rules := range allRules() {
		m, v := randomStore(t, uint64(seed))
		for _, rows := range []int{1, 63, 64, 65, 130} {
			k, b := asked(t, m, v, rules, rows)
			wire := e.reply(nil, k, b, rows == 64)
			reply := message(d, "Response")
			if err := proto.Unmarshal(wire, reply); err != nil {
				t.Fatal(err)
			}
			again, err := proto.MarshalOptions{Deterministic: true}.Marshal(reply)
			if err != nil || !bytes.Equal(again, wire) {
				t.Fatalf("protobuf-go writes other bytes (%d, %d): %v", len(again), len(wire), err)
			}
			names := get(get(reply, "metadata").Message(), "feature_names").Message()
			if n := get(names, "val").List().Len(); n != len(v.Fields)+2 {
				t.Fatalf("%d names", n)
			}
			results := get(reply, "results").List()
			for f := range b.Values {
				vector := results.Get(f + 2).Message()
				for r := range rows {
					status, shown := b.Status(f, r)
					want := any(nil)
					if shown {
						want = plainValue(&b.Values[f].Vector, r, b.Values[f].Binary)
					}
					have := protoValue(get(vector, "values").List().Get(r).Message(), b.Values[f].Binary)
					if fmt.Sprintf("%q", have) != fmt.Sprintf("%q", want) || get(vector, "statuses").List().Get(r).Enum() != protoreflect.EnumNumber(status) {
						t.Fatalf("%s, row %d: %v, want %v %v", b.Query.Fields[f].Name, r, have, want, status)
					}
					seconds, nanos := split(b.Parts[0].Event[r])
					stamp := get(vector, "event_timestamps").List().Get(r).Message()
					if get(stamp, "seconds").Int() != seconds || get(stamp, "nanos").Int() != int64(nanos) {
						t.Fatalf("%s, row %d: time %v", b.Query.Fields[f].Name, r, stamp)
					}
				}
			}
		}
	}
}

// protoValue is a feast.types.Value in the terms of plainValue.
func protoValue(m protoreflect.Message, isBinary bool) (out any) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		name := string(f.Name())
		inner, isMessage := v.Interface().(protoreflect.Message)
		if !isMessage {
			out = protoScalar(v, isBinary)
			return false
		}
		list := []any{}
		elements := get(inner, "val").List()
		for i := range elements.Len() {
			if name == "list_val" {
				list = append(list, protoValue(elements.Get(i).Message(), isBinary))
				continue
			}
			list = append(list, protoScalar(elements.Get(i), isBinary))
		}
		out = list
		return false
	})
	return out
}

func protoScalar(v protoreflect.Value, isBinary bool) any {
	switch x := v.Interface().(type) {
	case float32:
		return plainValue(&column.Vector{Type: column.Float32, Float32s: []float32{x}}, 0, false)
	case float64:
		return plainValue(&column.Vector{Type: column.Float64, Float64s: []float64{x}}, 0, false)
	case int32, int64:
		return json.Number(fmt.Sprint(x))
	case []byte:
		if isBinary {
			return base64.StdEncoding.EncodeToString(x)
		}
		return validText(x) // text that is not UTF-8
	}
	return v.Interface()
}
