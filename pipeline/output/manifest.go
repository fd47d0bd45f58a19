package output

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"quern/pipeline/sink"
)

// ManifestName is the object that makes an output finished.
const ManifestName = "_quern/manifest.json"

// Version is the version of the manifest's format.
const Version = 1

// Manifest describes a finished output. It is written last: whoever finds it may
// trust that every file it names is there and whole.
type Manifest struct {
	Version int     `json:"version"`
	Job     string  `json:"job"`   // digest of everything that decided the bytes
	Model   string  `json:"model"` // the model's digest
	Fields  []Field `json:"fields"`
	Rows    int64   `json:"rows"`
	Files   []File  `json:"files"`
	// Content is a digest of all rows in order, whatever the files' borders and format.
	Content string `json:"content"`
	// OutsideFit lists runs of rows [from, to) that the model did not learn from.
	OutsideFit  [][2]int64 `json:"outside_fit,omitempty"`
	Quarantined []string   `json:"quarantined,omitempty"` // input files left out
	Notices     []string   `json:"notices,omitempty"`
	// Seal is the SHA-256 of this text with an empty seal: it finds damage.
	Seal string `json:"seal"`
}

// Field is an output column.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Role string `json:"role"`
	// Width is how many elements each list has, where the program fixes it; else 0.
	Width int `json:"width,omitempty"`
}

// File is one file of the output.
type File struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Entry is what is known of a part: enough to make the manifest without reading it.
type Entry struct {
	File    File       `json:"file"`
	Content []string   `json:"content"` // state of the content digest, per column
	Outside [][2]int64 `json:"outside,omitempty"`
}

// record is written beside a part, after it, so that an interrupted run can be taken up
// again.
type record struct {
	Job string `json:"job"`
	Entry
	Seal string `json:"seal"`
}

// claim says whose an unfinished folder is: the job that is being written, and every
// file that may be replaced. It is there before the first of them.
type claim struct {
	Job   string   `json:"job"`           // empty while an older output is being removed
	Log   string   `json:"log,omitempty"` // of a job that many processes do: where its log is
	Files []string `json:"files"`
	Seal  string   `json:"seal"`
}

// document is a record of ours on disk, with its seal.
type document interface{ seal() *string }

func (m *Manifest) seal() *string { return &m.Seal }
func (r *record) seal() *string   { return &r.Seal }
func (c *claim) seal() *string    { return &c.Seal }

// encode seals d and returns it as indented JSON with a final newline.
func encode(d document) []byte {
	*d.seal() = ""
	sum := sha256.Sum256(canonical(d))
	*d.seal() = hex.EncodeToString(sum[:])
	return canonical(d)
}

// decode reads what encode wrote. It reports whether text is, byte by byte, the one
// encoding of d and bears its seal: any damage makes it false.
func decode(text []byte, d document) bool {
	if json.Unmarshal(text, d) != nil {
		return false
	}
	return bytes.Equal(text, encode(d))
}

func canonical(d document) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false) // people read list<int64>, browsers do not
	if err := e.Encode(d); err != nil {
		panic("quern: bug: own record does not encode: " + err.Error())
	}
	return text.Bytes()
}

func manifestFields(fields []sink.Field) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = Field{f.Name, f.Type.String(), string(f.Role), f.Width}
	}
	return out
}
