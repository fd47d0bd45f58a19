package livetest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"quern/features/column"
	"quern/serve/lookup"
)

// Clock is noon of the day before which the events of RandomRows are.
func Clock() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// Refs names every feature of a view.
func Refs(v *lookup.View) (refs []lookup.Ref) {
	for _, f := range v.Fields {
		refs = append(refs, lookup.Ref{View: v.Name, Feature: f.Name})
	}
	return refs
}

// Drivers is a view with every type of feature.
func Drivers(version string) lookup.View {
	v := lookup.View{Name: "drivers", Version: version, TTL: 24 * time.Hour, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}}}
	for i, t := range []column.Type{column.Float32, column.Float64, column.Int32, column.Int64, column.Bool, column.String,
		column.Timestamp, column.Date, column.ListOf(column.Float32), column.ListOf(column.String), column.ListOf(column.Int64)} {
		v.Fields = append(v.Fields, lookup.Field{Name: fmt.Sprintf("f%d", i), Type: t})
	}
	return v
}

// Pairs is a view with a key of two columns.
func Pairs(version string) lookup.View {
	return lookup.View{Name: "pairs", Version: version, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}, {Name: "city", Type: column.String}},
		Fields: []lookup.Field{{Name: "n", Type: column.Int64}, {Name: "x", Type: column.Float32}}}
}

// Constant is a view with the key id and two features, NAME0 and NAME1.
func Constant(name, version string) lookup.View {
	return lookup.View{Name: name, Version: version, Keys: []column.Field{{Name: "id", Type: column.Int64}},
		Fields: []lookup.Field{{Name: name + "0", Type: column.Int64}, {Name: name + "1", Type: column.Int64}}}
}

// ConstantRows are rows of Constant's views whose values are all one number, with the keys 0
// to rows-1.
func ConstantRows(v *lookup.View, number, rows int) *lookup.Rows {
	r := &lookup.Rows{}
	r.Reset(v)
	r.Rows = rows
	for i := range rows {
		r.Keys[0].AddInt(int64(i))
		r.Fields[0].AddInt(int64(number))
		r.Fields[1].AddInt(int64(number))
		r.Event, r.Created = append(r.Event, 0), append(r.Created, lookup.NoTime)
	}
	return r
}

// RandomRows makes n rows of v with the keys 0 to n-1, some values null, some rows old.
func RandomRows(v *lookup.View, n int, seed uint64) *lookup.Rows {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := &lookup.Rows{}
	r.Reset(v)
	r.Rows = n
	for i := range n {
		for k := range r.Keys {
			addRandom(&r.Keys[k], rnd, int64(i))
		}
		for f := range r.Fields {
			if rnd.IntN(8) == 0 {
				r.Fields[f].AddNull()
				continue
			}
			addRandom(&r.Fields[f], rnd, rnd.Int64N(1000)-500)
		}
		r.Event = append(r.Event, Clock().Add(-time.Duration(rnd.IntN(48))*time.Hour).UnixMicro())
		r.Created = append(r.Created, lookup.NoTime)
	}
	return r
}

func addRandom(c *lookup.Cells, rnd *rand.Rand, n int64) {
	switch t := c.Type; {
	case t.IsList():
		for range rnd.IntN(4) {
			addRandom(c.Element(), rnd, rnd.Int64N(100))
		}
		c.End()
	case t == column.Bool:
		c.AddBool(n > 0)
	case t == column.String:
		c.AddString([]byte(fmt.Sprintf("s%d ü\"", n)))
	case t == column.Date:
		c.AddString([]byte("2026-01-02"))
	case t.Real() && n == 7:
		c.AddFloat(math.NaN())
	case t.Real():
		c.AddFloat(float64(n) / 7)
	default:
		c.AddInt(n)
	}
}
