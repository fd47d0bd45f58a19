package view

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"quern/features/diag"
	"quern/pipeline/store"
)

// Format is the version of manifests and pointers that this package reads and writes.
const Format = 1

// Manifest says what is in a version. It is written after everything that it names.
type Manifest struct {
	Format   int    `json:"format"`
	View     string `json:"view"`
	Version  string `json:"version"`
	Built    int64  `json:"built"`    // when: microseconds since 1970
	Model    string `json:"model"`    // digest, hex
	Previous string `json:"previous"` // the version that this one was compared with; "": none

	Key      []Field             `json:"key"`
	Features []Field             `json:"features"`
	Time     string              `json:"time,omitempty"`     // column of the event time; "": rows have none
	TTL      time.Duration       `json:"ttl_ns,omitempty"`   // 0: rows never expire
	Services map[string][]string `json:"services,omitempty"` // features by the name of the service
	Origin   *Origin             `json:"origin,omitempty"`   // what it was made of; nil: not by a publish

	Rows       int64 `json:"rows"`
	SourceRows int64 `json:"source_rows"` // read
	Left       int64 `json:"left"`        // of them kept by source.where
	NullKeys   int64 `json:"null_keys"`   // of these left out for a null in the key
	Older      int64 `json:"older"`       // and for another row of their key
	MinEvent   int64 `json:"min_event"`   // microseconds since 1970; row.NoTime: no row has a time
	MaxEvent   int64 `json:"max_event"`
	Pushed     int64 `json:"pushed,omitempty"` // of Rows: those that were pushed, not published
	// Compacted says what a version was made of that nobody published; nil: it was published.
	Compacted *Compacted `json:"compacted,omitempty"`

	Stats     []Stat `json:"stats"` // of each feature
	ModelFile File   `json:"model_file"`
	Segments  []File `json:"segments"` // by shard
	Seal      string `json:"seal"`     // SHA-256 of this text with an empty seal
}

// Field is a column of the key or a feature.
type Field struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// File is an object of a version.
type File struct {
	Name   string `json:"name"` // within the version
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Rows   int64  `json:"rows,omitempty"`
	Seal   string `json:"seal,omitempty"` // of a segment, hex
}

// State is what a pointer says: which versions of a view are served and kept.
type State struct {
	Format   int       `json:"format"`
	View     string    `json:"view"`
	Number   int64     `json:"number"`
	Action   string    `json:"action"` // publish, stage, promote, rollback, trim or compact
	At       int64     `json:"at"`     // when: microseconds since 1970
	Current  string    `json:"current"`
	Previous []string  `json:"previous"` // the latest first: where a rollback goes
	Staged   string    `json:"staged,omitempty"`
	Dropped  []Dropped `json:"dropped,omitempty"` // to be removed after the grace time
	// Carried are versions whose pushed rows the current one lacks: they are served over it
	// until the next compaction.
	Carried []string `json:"carried,omitempty"`
	Asked   int64    `json:"asked,omitempty"` // after a compaction: the number of the last state that was none
	Token   string   `json:"token"`           // tells equal states of different writers apart
	Seal    string   `json:"seal"`
}

// Dropped is a version that is no longer kept.
type Dropped struct {
	Version string `json:"version"`
	At      int64  `json:"at"`
	Soon    bool   `json:"soon,omitempty"` // a compaction took its place, and all its rows: see Compact
}

// document is a record on disk, with its seal.
type document interface{ seal() *string }

func (m *Manifest) seal() *string { return &m.Seal }
func (s *State) seal() *string    { return &s.Seal }

// encode seals d and returns it as JSON.
func encode(d document) []byte {
	*d.seal() = ""
	sum := sha256.Sum256(canonical(d))
	*d.seal() = hex.EncodeToString(sum[:])
	return canonical(d)
}

// decode reads what encode wrote; anything else, by a single byte, is false.
func decode(text []byte, d document) bool {
	return json.Unmarshal(text, d) == nil && bytes.Equal(text, encode(d))
}

func canonical(d document) []byte {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(d); err != nil {
		panic("quern: bug: own record does not encode: " + err.Error())
	}
	return text.Bytes()
}

// maxRecord is how long a record may be: more than one of 65,536 features ever is.
const maxRecord = 64 << 20

// read returns a small object.
func read(ctx context.Context, st store.Store, name string) ([]byte, error) {
	o, err := st.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size() > maxRecord {
		return nil, damaged(st, name, "it has %d bytes", o.Size())
	}
	text := make([]byte, o.Size())
	_, err = io.ReadFull(io.NewSectionReader(o, 0, o.Size()), text)
	return text, err
}

// put writes an object, durable before it has its name. ErrExists if there is one.
func put(ctx context.Context, st store.Store, name string, text []byte) error {
	w, err := st.Create(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Sync(); err != nil {
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return st.Sync(ctx, []string{name})
}

// damaged returns the error of an object that is not what was written.
func damaged(st store.Store, name, why string, args ...any) error {
	return diag.New("Q662", "%s: %s", store.Join(st.Location(), name), fmt.Sprintf(why, args...))
}

// explain makes errors of stores and files the user's.
func explain(st store.Store, what string, err error) error {
	var known *diag.Error
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return diag.New("Q666", "cannot %s %s", what, st.Location()).Because(err)
}
