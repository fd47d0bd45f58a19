package serve

import (
	"quern/features/diag"
	"quern/serve/lookup"
)

// readRequest reads the body of POST /v1/lookup. All of it is checked to be JSON; the rows
// are looked at when it is known what keys they have.
func (x *exchange) readRequest(body []byte) (*nativeRequest, error) {
	in, s := &nativeRequest{}, &x.scan
	s.Reset(body)
	seen := map[string]bool{}
	there, err := s.Opens('{', '}')
	for there && err == nil {
		var raw []byte
		if raw, err = s.Str(); err != nil {
			return nil, err
		}
		name := string(raw)
		if seen[name] {
			return nil, diag.New("Q614", "the request has %q twice", lookup.Clip(name))
		}
		seen[name] = true
		if err = s.Skip(':'); err == nil {
			err = x.readMember(in, name)
		}
		if err == nil {
			there, err = s.More('}')
		}
	}
	if err == nil {
		err = s.End()
	}
	return in, err
}

// readMember reads a member of a request.
func (x *exchange) readMember(in *nativeRequest, name string) error {
	s := &x.scan
	text := func(into *string) error {
		raw, err := s.Str()
		*into = string(raw)
		return err
	}
	if s.Next() == 'n' && name != "rows" { // as if it were not there
		return s.Word("null")
	}
	switch name {
	case "view":
		return text(&in.View)
	case "service":
		return text(&in.Service)
	case "features":
		there, err := s.Opens('[', ']')
		for there && err == nil {
			in.Features = append(in.Features, "")
			if err = text(&in.Features[len(in.Features)-1]); err == nil {
				there, err = s.More(']')
			}
		}
		return err
	case "full_feature_names":
		if in.Full = s.Next() == 't'; in.Full {
			return s.Word("true")
		}
		return s.Word("false")
	case "rows":
		if s.Next() != '[' {
			return diag.New("Q614", "the rows are no array of objects")
		}
		from := s.At()
		err := s.Over(3)
		in.rows = s.Since(from)
		return err
	}
	return diag.New("Q614", "the body is no request: there is no member %q", lookup.Clip(name))
}

// readKeys reads the keys of rows. Every row has each key; others are refused, as they would
// be misspelt ones.
func (x *exchange) readKeys(q *lookup.Query, rows []byte, limit int) error {
	s, keys := &x.scan, &x.keys
	keys.Reset(q)
	x.seen = append(x.seen[:0], make([]int, len(q.Keys))...)
	if rows == nil {
		rows = []byte("[]")
	}
	s.Reset(rows)
	there, err := s.Opens('[', ']')
	if err == nil && !there {
		return diag.New("Q615", "the request has no rows: give every key at least one value")
	}
	for there && err == nil {
		if keys.Rows == limit {
			return diag.New("Q609", "the request has more than %d rows for its features", limit)
		}
		keys.Rows++
		if err = x.readKeyRow(q); err == nil {
			there, err = s.More(']')
		}
	}
	return err
}

// readKeyRow reads the keys of the last row.
func (x *exchange) readKeyRow(q *lookup.Query) error {
	s, row, found := &x.scan, x.keys.Rows, 0
	if s.Next() != '{' {
		return diag.New("Q614", "row %d is no object", row-1)
	}
	there, err := s.Opens('{', '}')
	for there && err == nil {
		var name []byte
		if name, err = s.Str(); err != nil {
			return err
		}
		k := 0
		for ; k < len(q.Keys) && q.Keys[k].Name != string(name); k++ {
		}
		if k == len(q.Keys) {
			return diag.New("Q614", "row %d has columns that are no keys of what is asked for: %q", row-1, lookup.Clip(name)).In(lookup.Named(name))
		} else if x.seen[k] == row {
			return diag.New("Q614", "row %d has key %q twice", row-1, lookup.Clip(name)).In(lookup.Named(name))
		}
		if err = s.Skip(':'); err == nil {
			var n int
			n, err = x.readKey(q, k)
			found += n
		}
		if err == nil {
			there, err = s.More('}')
		}
	}
	for k := 0; err == nil && found < len(q.Keys); k++ {
		if x.seen[k] != row {
			return diag.New("Q606", "row %d has no value of key %q", row-1, q.Keys[k].Name).In(lookup.Named(q.Keys[k].Name))
		}
	}
	return err
}

// readKey reads a value into the column of key k, and into those of later keys of its name:
// two views may have it in two types. It returns how many they are.
func (x *exchange) readKey(q *lookup.Query, k int) (n int, err error) {
	s, row, name := &x.scan, x.keys.Rows, q.Keys[k].Name
	null := s.Next() == 'n'
	from := s.At()
	if err := s.Over(1); err != nil {
		return 0, err
	}
	value := s.Since(from)
	for ; k < len(q.Keys); k++ {
		if q.Keys[k].Name != name {
			continue
		}
		x.seen[k] = row
		n++
		p := lookup.Problem("is null")
		if !null {
			s.Rewind(from)
			if p, err = s.Value(&x.keys.Columns[k]); err != nil {
				return 0, err
			}
		}
		if p != "" {
			return 0, diag.New("Q607", "key %q, row %d: %s %s (the key is %s)", name, row-1, lookup.Clip(value), string(p), q.Keys[k].Type).
				In(diag.Data{RowGroup: -1, Row: int64(row - 1), Column: name})
		}
	}
	return n, nil
}
