package registry

import (
	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/column"
	"quern/serve/lookup"
)

// message is a message that is written field by field, in the order of their numbers.
// Strings and numbers that are empty or 0 are left out, as protobuf has it.
type message []byte

func (m message) text(number protowire.Number, s string) message {
	if s == "" {
		return m
	}
	return protowire.AppendString(protowire.AppendTag(m, number, protowire.BytesType), s)
}

func (m message) number(number protowire.Number, n uint64) message {
	if n == 0 {
		return m
	}
	return protowire.AppendVarint(protowire.AppendTag(m, number, protowire.VarintType), n)
}

func (m message) message(number protowire.Number, inner message) message {
	return protowire.AppendBytes(protowire.AppendTag(m, number, protowire.BytesType), inner)
}

// typeOf returns the feast.types.ValueType.Enum of a column: its numbers are those of the
// fields of feast.types.Value, and the list of a scalar is ten further on. Days and times
// are timestamps there.
func typeOf(t column.Type, isBinary bool) uint64 {
	const bytes, text, int32s, int64s, double, float, boolean, timestamp, toList = 1, 2, 3, 4, 5, 6, 7, 8, 10
	if t.IsList() {
		return typeOf(t.Elem(), isBinary) + toList
	}
	switch t {
	case column.Bool:
		return boolean
	case column.Int32:
		return int32s
	case column.Int64:
		return int64s
	case column.Float32:
		return float
	case column.Float64:
		return double
	case column.String:
		if isBinary {
			return bytes
		}
		return text
	}
	return timestamp
}

// field is a feast.core.FeatureSpecV2: {name = 1, value_type = 2}.
func field(f lookup.Field) message {
	return message(nil).text(1, f.Name).number(2, typeOf(f.Type, f.Binary))
}

// entity is a feast.core.Entity: {spec = 1 {name = 1, value_type = 2, join_key = 4,
// project = 9}, meta = 2}.
func (w *seen) entityMessage(e *entity) message {
	spec := message(nil).text(1, e.name).number(2, typeOf(e.key.Type, false)).text(4, e.key.Name).text(9, w.project)
	return message(nil).message(1, spec)
}

// viewMessage is a feast.core.FeatureView: {spec = 1, meta = 2 {state = 6}}, whose spec is
// {name = 1, project = 2, entities = 3, features = 4, tags = 5, ttl = 6, batch_source = 7,
// online = 8, stream_source = 9, entity_columns = 12}.
func (w *seen) viewMessage(v *view) message {
	spec := message(nil).text(1, v.Name).text(2, w.project)
	for _, name := range v.entities {
		spec = spec.text(3, name)
	}
	for _, f := range v.fields {
		spec = spec.message(4, field(f))
	}
	for key, value := range tagsOf(v) {
		spec = spec.message(5, message(nil).text(1, key).text(2, value))
	}
	ttl := message(nil).number(1, uint64(v.TTL.Nanoseconds()/1e9)).number(2, uint64(v.TTL.Nanoseconds()%1e9))
	spec = spec.message(6, ttl).message(7, w.batchMessage(v.View)).number(8, 1)
	if v.source != "" {
		spec = spec.message(9, w.pushMessage(v.source, v.View))
	}
	for _, k := range v.Keys {
		spec = spec.message(12, field(lookup.Field{Name: k.Name, Type: k.Type}))
	}
	const availableOnline = 4
	return message(nil).message(1, spec).message(2, message(nil).number(6, availableOnline))
}

// tagsOf returns the tags of a view.
func tagsOf(v *view) map[string]string { return map[string]string{"quern_version": v.Version} }

// batchName is the name of a view's batch source, and its file, which is none.
func batchName(v *lookup.View) string { return "quern://" + v.Name }

// batchMessage is the feast.core.DataSource that a view was published from, as Feast
// needs one: {type = 1, timestamp_field = 3, created_timestamp_column = 5, file_options =
// 11 {uri = 2}, name = 20, project = 21}.
func (w *seen) batchMessage(v *lookup.View) message {
	const batchFile = 1
	return w.times(message(nil).number(1, batchFile), v).
		message(11, message(nil).text(2, batchName(v))).text(20, batchName(v)).text(21, w.project)
}

// pushMessage is the feast.core.DataSource of a push source that feeds v: {type = 1,
// timestamp_field = 3, created_timestamp_column = 5, name = 20, project = 21,
// batch_source = 26}.
func (w *seen) pushMessage(name string, v *lookup.View) message {
	const pushSource = 9
	return w.times(message(nil).number(1, pushSource), v).
		text(20, name).text(21, w.project).message(26, w.batchMessage(v))
}

// times appends the columns of a row's times. The SDK wants each that is named in every
// frame that is pushed; a view has a creation time only if it says so.
func (w *seen) times(m message, v *lookup.View) message {
	return m.text(3, v.EventColumn()).text(5, v.Created)
}

// serviceMessage is a feast.core.FeatureService: {spec = 1 {name = 1, project = 2,
// features = 3}, meta = 2}, whose features are feast.core.FeatureViewProjections:
// {feature_view_name = 1, feature_columns = 2, feature_view_name_alias = 3,
// timestamp_field = 5, view_type = 11}, one for every run of features of a view.
func (w *seen) serviceMessage(name string) message {
	spec := message(nil).text(1, name).text(2, w.project)
	refs := w.all.Services[name]
	for len(refs) > 0 {
		first, n := refs[0], 0
		for n < len(refs) && refs[n].View == first.View && refs[n].Alias == first.Alias {
			n++
		}
		p := message(nil).text(1, first.View)
		for _, ref := range refs[:n] {
			p = p.message(2, field(w.feature(ref)))
		}
		p = p.text(3, first.Alias)
		if v := w.view(first.View); v != nil {
			p = p.text(5, v.EventColumn())
		}
		spec, refs = spec.message(3, p.text(11, "featureView")), refs[n:]
	}
	return message(nil).message(1, spec)
}

// projectMessage is a feast.core.Project: {spec = 1 {name = 1}, meta = 2}.
func (w *seen) projectMessage() message {
	return message(nil).message(1, message(nil).text(1, w.project))
}
