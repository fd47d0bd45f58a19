//go:build linux

package main

import (
	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
	"quern/serve/tensor"
)

// packed is quern's own call with packed tensors both ways.
func packed() *protocol {
	return &protocol{name: "packed tensors", path: "/v1/lookup", kind: tensor.ContentType, encode: encodePacked, decode: decodePacked}
}

func encodePacked(ids []int64) []byte {
	schema := tensor.Schema{Columns: []string{"id"}, Service: service}
	keys := column.Column{Len: len(ids), Values: column.Vector{Type: column.Int64, Len: len(ids), Int64s: ids}}
	return tensor.Append(nil, &tensor.Message{Kind: tensor.Keys, Rows: len(ids), Schema: schema.Append(nil), Columns: []tensor.Column{{Values: keys}}})
}

func decodePacked(reply []byte) (*answer, error) {
	var m tensor.Message
	if err := tensor.Read(reply, tensor.Answer, tensor.Limits{}, &m); err != nil {
		return nil, err
	}
	s, err := tensor.ParseSchema(m.Schema)
	if err != nil {
		return nil, err
	}
	a := &answer{names: s.Columns}
	for i := range m.Columns {
		v, of := &m.Columns[i].Values.Values, &m.Views[s.Of[i]]
		values, status, event := make([]float32, m.Rows), make([]string, m.Rows), make([]int64, m.Rows)
		for r := range m.Rows {
			status[r] = fieldstatus.Status(of.Status[r]).String()
			switch {
			case !v.Null(r):
				values[r] = v.Float32s[r]
				if !shown(status[r]) {
					status[r] += ", with a value"
				}
			case shown(status[r]):
				status[r] = "NULL_VALUE"
			}
			if event[r] = of.Event[r]; event[r] == lookup.NoTime {
				event[r] = 0
			}
		}
		a.values, a.status, a.event = append(a.values, values), append(a.status, status), append(a.event, event)
	}
	return a, nil
}
