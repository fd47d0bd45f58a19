package program

import (
	"bytes"
	"errors"
)

// evalText is the meaning of the operations on strings, or nil.
func evalText(op Op, imm Imm) scalar {
	if f := evalTextTest(op); f != nil {
		return f
	}
	switch op {
	case Lower:
		return func(v []Value) (Value, error) { return textValue(AppendLower(nil, v[0].Str)) }
	case Upper:
		return func(v []Value) (Value, error) { return textValue(AppendUpper(nil, v[0].Str)) }
	case Trim:
		return func(v []Value) (Value, error) { return textValue(TrimText(v[0].Str)) }
	case Substr:
		return func(v []Value) (Value, error) { return textValue(SubstrText(v[0].Str, v[1].Int, v[2].Int)) }
	case Length:
		return func(v []Value) (Value, error) { return intValue(LengthText(v[0].Str)) }
	case Concat:
		return evalConcat
	case Replace:
		return evalReplace
	case SplitPart:
		return func(v []Value) (Value, error) {
			field, ok := SplitField(v[0].Str, v[1].Str, imm.Int)
			return Value{Null: !ok, Str: field}, nil
		}
	}
	return nil
}

// errLong is the fault of a string that grows beyond MaxText.
var errLong = errors.New("a string of more than 16 MiB")

func evalConcat(v []Value) (Value, error) {
	total := 0
	for i := range v {
		if total += len(v[i].Str); total > MaxText && len(v) > 1 {
			return Value{}, errLong
		}
	}
	var out []byte
	for i := range v {
		out = append(out, v[i].Str...)
	}
	return textValue(out)
}

func evalReplace(v []Value) (Value, error) {
	out, ok := AppendReplace(nil, v[0].Str, v[1].Str, v[2].Str)
	if !ok {
		return Value{}, errLong
	}
	return textValue(out)
}

// evalTextTest is the meaning of the tests on two strings, or nil.
func evalTextTest(op Op) scalar {
	var f func(s, part []byte) bool
	switch op {
	case Contains:
		f = bytes.Contains
	case StartsWith:
		f = bytes.HasPrefix
	case EndsWith:
		f = bytes.HasSuffix
	default:
		return nil
	}
	return func(v []Value) (Value, error) { return boolValue(f(v[0].Str, v[1].Str)) }
}

// evalMatch finds a pattern anywhere in a string.
func evalMatch(imm Imm) (scalar, error) {
	pattern, err := compilePattern(imm.Text)
	if err != nil {
		return nil, err
	}
	return func(v []Value) (Value, error) { return boolValue(pattern.Match(v[0].Str)) }, nil
}
