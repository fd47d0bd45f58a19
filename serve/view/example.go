package view

import (
	"fmt"
	"strconv"
	"time"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
)

// example returns a key that is there, as KEY=VALUE for each of its columns: that of the
// least hash, so that the same rows have the same example. Nil if there are no rows.
func (s *sampler) example(stream *pipeline.Stream) []string {
	if len(s.least) == 0 {
		return nil
	}
	var parts []string
	for i, f := range stream.Keys {
		parts = append(parts, f.Name+"="+keyText(f.Type, s.least[0].inputs[s.keys[i]]))
	}
	return parts
}

// keyText writes a value of a key as requests may have it.
func keyText(t column.Type, v program.Value) string {
	switch t {
	case column.String:
		return string(v.Str)
	case column.Bool:
		return strconv.FormatBool(v.Bool)
	case column.Date:
		return time.Unix(v.Int*86400, 0).UTC().Format(time.DateOnly)
	case column.Timestamp:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	case column.Datetime:
		return time.UnixMicro(v.Int).UTC().Format("2006-01-02T15:04:05.999999")
	}
	return fmt.Sprint(v.Int)
}
