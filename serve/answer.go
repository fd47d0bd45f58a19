package serve

import (
	"quern/serve/fieldstatus"
	"quern/serve/jsontext"
	"quern/serve/lookup"
)

// appendAnswer writes the reply of POST /v1/lookup into x.out.
func (x *exchange) appendAnswer(f form) {
	b := &x.block
	switch f {
	case formJSON:
		x.out = appendAnswer(x.out[:0], b)
	case formArrow:
		x.tensorAnswer(b)
		x.arrowAnswer(b.Query)
	default:
		x.tensorAnswer(b)
		x.appendTensor(f)
	}
}

// appendAnswer writes an answer as JSON.
func appendAnswer(dst []byte, b *lookup.Block) []byte {
	dst = append(dst, `{"versions":{`...)
	for i := range b.Query.Parts {
		p := &b.Query.Parts[i]
		dst = comma(dst, i)
		dst = append(jsontext.AppendText(dst, p.Name), ':')
		dst = jsontext.AppendText(dst, p.View.Version)
	}
	dst = append(dst, `},"rows":[`...)
	names := make([]string, len(b.Query.Fields)) // as JSON, with what stands around them
	for f := range names {
		names[f] = string(append(jsontext.AppendText(comma(nil, f), b.Query.Fields[f].Name), ':'))
	}
	for r := range b.Rows {
		dst = append(comma(dst, r), `{"features":{`...)
		plain := true
		for f := range b.Query.Fields {
			status, shown := b.Status(f, r)
			plain = plain && status == fieldstatus.Present
			dst = append(dst, names[f]...)
			if !shown {
				dst = append(dst, "null"...)
				continue
			}
			dst = AppendCell(dst, &b.Values[f], r)
		}
		dst = append(dst, '}')
		if !plain {
			dst = appendStatuses(dst, b, r)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// appendStatuses writes the statuses of a row that are not PRESENT.
func appendStatuses(dst []byte, b *lookup.Block, r int) []byte {
	dst = append(dst, `,"status":{`...)
	n := 0
	for f := range b.Query.Fields {
		if status, _ := b.Status(f, r); status != fieldstatus.Present {
			dst = append(jsontext.AppendText(comma(dst, n), b.Query.Fields[f].Name), `:"`...)
			dst = append(append(dst, status.String()...), '"')
			n++
		}
	}
	return append(dst, '}')
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// AppendCell writes row r of a column, which is not null, as package jsontext does.
func AppendCell(dst []byte, c *lookup.Cells, r int) []byte {
	return jsontext.AppendValue(dst, &c.Vector, r, c.Binary)
}
