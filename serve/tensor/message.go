package tensor

import (
	"encoding/json"

	"quern/features/column"
	"quern/features/diag"
)

// ContentType is the media type of messages.
const ContentType = "application/x-quern-tensor"

// Kind is what a message is for.
type Kind uint16

// The kinds.
const (
	Answer   Kind = iota + 1 // of a look-up: features, statuses and event times
	Features                 // computed on request
	Keys                     // the request for a look-up
	Raw                      // raw rows, to compute features of
)

// Layout is how the values of columns of one type lie beside each other.
type Layout uint16

// The layouts.
const (
	Columns Layout = iota // column after column
	Rows                  // row after row
)

// Message is a table. One that Read filled owns its memory and can be read into again; one
// for Append is read only.
type Message struct {
	Kind    Kind
	Layout  Layout
	Rows    int
	Schema  []byte // JSON, see Schema; after Read a part of the message
	Columns []Column
	Views   []View
}

// Column is a column of a message.
type Column struct {
	Values column.Column // in storage form, plain or dictionary-coded; Read makes plain ones
	// Shown has the values that are there; nil: those that are not null in Values. Read
	// leaves it nil.
	Shown column.Bitmap
}

// View is what an answer says of a view's rows.
type View struct {
	Status []byte  // by row: numbers of a fieldstatus.Status; Present, NotFound, OutsideMaxAge
	Event  []int64 // microseconds since 1970-01-01T00:00:00Z; the least int64: none
}

// Schema is the part of a message that is JSON.
type Schema struct {
	Columns []string     `json:"columns"`
	Views   []SchemaView `json:"views,omitempty"`
	Of      []int        `json:"of,omitempty"`
	Model   *SchemaModel `json:"model,omitempty"`

	References []string `json:"features,omitempty"`
	View       string   `json:"view,omitempty"`
	Service    string   `json:"service,omitempty"`
	Full       bool     `json:"full_feature_names,omitempty"`
}

// SchemaView is a view that answered.
type SchemaView struct {
	View    string `json:"view"`
	Version string `json:"version"`
}

// SchemaModel is a model that computed.
type SchemaModel struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	Digest  string `json:"digest"`
}

// Append writes s as JSON.
func (s *Schema) Append(dst []byte) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("quern: bug: a schema is no JSON: " + err.Error())
	}
	return append(dst, text...)
}

// ParseSchema reads a schema. Members that it does not know are Q622.
func ParseSchema(text []byte) (*Schema, error) {
	var s Schema
	if err := strict(text, &s); err != nil {
		return nil, diag.New("Q622", "the tensor message's schema cannot be read").Because(err)
	}
	return &s, nil
}

// The sizes of header and table, and what blocks are aligned to.
const (
	headerSize = 64
	entrySize  = 32
	alignment  = 64
	magic      = "QTENSOR\x01"
)

// role is what a block holds.
type role uint8

const (
	roleValid role = iota + 1
	roleValues
	roleOffsets
	roleBytes
	roleElementValid
	roleElementValues
	roleElementOffsets
	roleElementBytes
	roleStatus
	roleEvent
)

func words(n int) int { return (n + 63) / 64 }

func aligned(n int) int { return (n + alignment - 1) &^ (alignment - 1) }
