package scan

import (
	"quern/features/diag"
	"quern/serve/lookup"
)

const isNested lookup.Problem = "is an array or an object, which the column does not take"

// Value reads a value into a column: null as null, an array into a column of lists, whose
// elements may be null. The problem says why the column cannot take it; then it may be read
// in part, and nothing is read after it.
func (s *Scanner) Value(into *lookup.Cells) (lookup.Problem, error) {
	if s.Next() == '[' && into.Type.IsList() {
		return s.list(into)
	}
	return s.scalar(into)
}

// scalar reads a value that is no array.
func (s *Scanner) scalar(into *lookup.Cells) (lookup.Problem, error) {
	switch b := s.Next(); {
	case b == '"':
		text, err := s.Str()
		if err != nil {
			return "", err
		}
		return into.AddString(text), nil
	case b == '-' || b >= '0' && b <= '9':
		text, err := s.number()
		if err != nil {
			return "", err
		}
		return into.AddNumber(text), nil
	case b == 'n':
		if err := s.Word("null"); err != nil {
			return "", err
		}
		into.AddNull()
		return "", nil
	case b == 't':
		if err := s.Word("true"); err != nil {
			return "", err
		}
		return into.AddBool(true), nil
	case b == 'f':
		if err := s.Word("false"); err != nil {
			return "", err
		}
		return into.AddBool(false), nil
	case b == '{' || b == '[':
		s.at++
		return isNested, nil
	}
	return "", s.fail("there is no value")
}

// list reads an array into a column of lists.
func (s *Scanner) list(into *lookup.Cells) (lookup.Problem, error) {
	elements := into.Element()
	there, err := s.Opens('[', ']')
	for there && err == nil {
		p, err := s.scalar(elements)
		if err != nil || p != "" {
			return p, err
		}
		if there, err = s.More(']'); err != nil {
			return "", err
		}
	}
	if err != nil {
		return "", err
	}
	return into.End(), nil
}

// Over reads over a value that has at most depth arrays and objects within each other.
// Deeper ones are Q614.
func (s *Scanner) Over(depth int) (err error) {
	switch b := s.Next(); {
	case b == '"':
		_, err = s.Str()
	case b == '-' || b >= '0' && b <= '9':
		_, err = s.number()
	case b == 't':
		err = s.Word("true")
	case b == 'f':
		err = s.Word("false")
	case b == 'n':
		err = s.Word("null")
	case (b == '[' || b == '{') && depth == 0:
		err = diag.New("Q614", "the body is nested too deep at byte %d", s.at)
	case b == '[':
		err = s.overAll('[', ']', depth-1)
	case b == '{':
		err = s.overAll('{', '}', depth-1)
	default:
		err = s.fail("there is no value")
	}
	return err
}

// overAll reads over an array or an object.
func (s *Scanner) overAll(open, close byte, depth int) error {
	there, err := s.Opens(open, close)
	for there && err == nil {
		if open == '{' {
			if _, err = s.Str(); err == nil {
				err = s.Skip(':')
			}
		}
		if err == nil {
			err = s.Over(depth)
		}
		if err == nil {
			there, err = s.More(close)
		}
	}
	return err
}
