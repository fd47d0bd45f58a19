package scan

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"quern/features/column"
	"quern/serve/lookup"
)

// texts are JSON and what is nearly JSON.
func texts() []string {
	return []string{`0`, `-0`, `01`, `1.`, `.5`, `1e5`, `1E+05`, `1e`, `--1`, `+1`, `NaN`, `null`, `nul`, `nulll`, `true`, `[true,false]`, `[1,]`, `[,]`,
		`{}`, `{"a":1,"a":2}`, `{"a" 1}`, `{a:1}`, `{"a":1,}`, `""`, `"\"\\\/\b\f\n\r\t"`, `"\u00fC\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\u12g4"`,
		`"\x"`, `"a`, `"\`, "\"\x01\"", "\"\xff\"", "\"\\n\xff\"", "\"ü\"", " \t\r\n1 \n", "1\v", `[[[[1]]]]`, `[[[[[1]]]]]`, `1 2`, ``}
}

// agrees checks that what is read over is JSON, and that strings and numbers mean what they
// mean to encoding/json.
func agrees(t *testing.T, text string) {
	var s Scanner
	s.Reset([]byte(text))
	err := s.Over(4)
	if err == nil {
		err = s.End()
	}
	if err == nil && !json.Valid([]byte(text)) {
		t.Errorf("%q is read, and is no JSON", text)
	}
	var want string
	if json.Unmarshal([]byte(text), &want) != nil || !strings.HasPrefix(strings.TrimSpace(text), `"`) {
		return
	}
	s.Reset([]byte(text))
	got, err := s.Str()
	switch {
	case err == nil && string(got) != want:
		t.Errorf("%q is %q, not %q", text, got, want)
	case err != nil && utf8.ValidString(text) && !strings.Contains(want, "\ufffd"):
		t.Errorf("%q: %v", text, err) // it has neither broken UTF-8 nor half a pair
	}
}

// TestAgrees also holds that all that is JSON, and not too deep, is read.
func TestAgrees(t *testing.T) {
	for _, text := range texts() {
		agrees(t, text)
		var s Scanner
		s.Reset([]byte(text))
		err := s.Over(4)
		if err == nil {
			err = s.End()
		}
		half := strings.Contains(text, `\ud83d`) && !strings.Contains(text, `\ud83d\ude00`)
		if good := json.Valid([]byte(text)) && utf8.ValidString(text) && !half && !strings.HasPrefix(text, "[[[[["); good != (err == nil) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzAgrees(f *testing.F) {
	for _, text := range texts() {
		f.Add(text)
	}
	f.Fuzz(agrees)
}

// TestValue: values go into columns of every form, nulls and lists with nulls too.
func TestValue(t *testing.T) {
	for _, c := range []struct {
		typ     column.Type
		text    string
		problem string
	}{
		{column.Int64, `9223372036854775807`, ""}, {column.Int64, `9223372036854775808`, "range"}, {column.Int64, `[1]`, "array"},
		{column.Int64, `null`, ""}, {column.String, `"\u0041"`, ""}, {column.Bool, `true`, ""}, {column.Bool, `1`, "type"},
		{column.ListOf(column.Int64), `[1, null, "3"]`, ""}, {column.ListOf(column.Int64), `[]`, ""}, {column.ListOf(column.Int64), `null`, ""},
		{column.ListOf(column.Int64), `[[1]]`, "array"}, {column.ListOf(column.Int64), `[1.5]`, "whole"}, {column.ListOf(column.Int64), `7`, "type"},
	} {
		var s Scanner
		var cells lookup.Cells
		cells.Reset(c.typ, false)
		s.Reset([]byte(c.text))
		p, err := s.Value(&cells)
		if err != nil || (p == "") != (c.problem == "") || !strings.Contains(string(p), c.problem) {
			t.Errorf("%v %s: %q, %v", c.typ, c.text, p, err)
		}
		if p == "" && (cells.Len != 1 || s.End() != nil || cells.Null(0) != (c.text == "null")) {
			t.Errorf("%v %s: %d values", c.typ, c.text, cells.Len)
		}
	}
}
