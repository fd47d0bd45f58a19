package serve

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/tensor"
)

// form is what a reply is written as.
type form byte

// The forms.
const (
	formJSON       form = iota
	formTensor          // tensor, column after column
	formTensorRows      // tensor, row after row
	formArrow           // a stream of Arrow's IPC
)

const (
	typeJSON  = "application/json"
	typeArrow = "application/vnd.apache.arrow.stream"
)

// accepted returns the form that a client wants most: the one with the greatest q of its
// Accept header, the first of several. Without the header that is JSON. It fails with Q623.
func accepted(r *http.Request) (form, error) {
	lines := r.Header["Accept"]
	if len(lines) == 0 {
		return formJSON, nil
	}
	best, most := formJSON, 0.0
	for _, line := range lines {
		for one := range strings.SplitSeq(line, ",") {
			if f, q := formOf(strings.TrimSpace(one)); q > most {
				best, most = f, q
			}
		}
	}
	if most == 0 {
		return formJSON, diag.New("Q623", "the reply cannot be %s", lookup.Clip(strings.Join(lines, ", "))).
			WithHint("accept %s, %s or %s", typeJSON, tensor.ContentType, typeArrow)
	}
	return best, nil
}

// formOf reads one media range of an Accept header; q 0: it is none of the forms.
func formOf(text string) (f form, q float64) {
	switch text { // as nearly all clients write it
	case "*/*", typeJSON:
		return formJSON, 1
	case tensor.ContentType:
		return formTensor, 1
	case typeArrow:
		return formArrow, 1
	}
	name, parameters, err := mime.ParseMediaType(text)
	if err != nil {
		return formJSON, 0
	}
	q = 1
	if given, ok := parameters["q"]; ok {
		if q, err = strconv.ParseFloat(given, 64); err != nil || !(q >= 0 && q <= 1) {
			return formJSON, 0
		}
	}
	switch layout := parameters["layout"]; {
	case name == "*/*" || name == "application/*" || name == typeJSON:
		return formJSON, q
	case name == tensor.ContentType && (layout == "" || layout == "columns"):
		return formTensor, q
	case name == tensor.ContentType && layout == "rows":
		return formTensorRows, q
	case name == typeArrow:
		return formArrow, q
	}
	return formJSON, 0
}

// isTensor reports whether the body of a request is a tensor message.
func isTensor(r *http.Request) bool {
	h := r.Header["Content-Type"]
	if len(h) != 1 {
		return false
	}
	if h[0] == tensor.ContentType {
		return true
	}
	name, _, err := mime.ParseMediaType(h[0])
	return err == nil && name == tensor.ContentType
}

// contentType returns the media type of a form, as a header has it. Headers share it.
func (f form) contentType() []string {
	switch f {
	case formTensor:
		return []string{tensor.ContentType}
	case formTensorRows:
		return []string{tensor.ContentType + "; layout=rows"}
	case formArrow:
		return []string{typeArrow}
	}
	return []string{typeJSON}
}

// reply sends a body.
func reply(w *work, f form, body []byte) {
	h := w.Header()
	h["Content-Type"] = f.contentType()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(http.StatusOK)
	w.Write(body) // an error here is a client that went away
}
