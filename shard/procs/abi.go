package procs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"quern/shard/core"
)

// Descriptor says which task is to be done.
type Descriptor struct {
	Phase uint32 `json:"phase"`
	Shard uint32 `json:"shard"`
}

// Answer is what a task says at its end, as one line of JSON on standard output.
type Answer struct {
	Job     string    `json:"job"`
	Phase   uint32    `json:"phase"`
	Shard   uint32    `json:"shard"`
	Code    core.Code `json:"code"`    // as the exit code of a process that does one task
	Outcome string    `json:"outcome"` // the code in a word: see OutcomeOf
	Reason  string    `json:"reason"`
	Attempt string    `json:"attempt"` // of this process; "" if it did not come to one
	Rows    int64     `json:"rows"`    // that this process computed, whoever won the shard
	Bytes   int64     `json:"bytes"`   // of the files that it wrote
	Millis  int64     `json:"ms"`
	Device  string    `json:"device"`
	Full    bool      `json:"full,omitempty"` // a full disk ended it
	Peak    int64     `json:"peak"`           // most bytes of memory that the process has had
}

// OutcomeOf returns the word for a code.
func OutcomeOf(code core.Code) string {
	switch code {
	case core.Committed:
		return "committed"
	case core.Poisoned:
		return "poisoned"
	case core.Fenced:
		return "fenced"
	case core.Retry:
		return "retry"
	}
	return "broken"
}

// maxLine bounds a line that a process reads from another: reasons may be long.
const maxLine = 1 << 20

// ParseDescriptor reads a descriptor. Nothing but one object with the two numbers is one.
func ParseDescriptor(line []byte) (Descriptor, error) {
	var d struct{ Phase, Shard *uint32 }
	in := json.NewDecoder(bytes.NewReader(line))
	in.DisallowUnknownFields()
	if err := in.Decode(&d); err != nil {
		return Descriptor{}, fmt.Errorf("not a descriptor: %w", err)
	}
	if _, err := in.Token(); err != io.EOF || d.Phase == nil || d.Shard == nil {
		return Descriptor{}, errors.New(`not a descriptor, as {"phase":0,"shard":17}`)
	}
	return Descriptor{*d.Phase, *d.Shard}, nil
}

// parseAnswer reads the answer to a descriptor.
func parseAnswer(line []byte, to Descriptor) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(line, &a); err != nil {
		return a, fmt.Errorf("it wrote %.200q", line)
	}
	if a.Phase != to.Phase || a.Shard != to.Shard || a.Outcome != OutcomeOf(a.Code) {
		return a, fmt.Errorf("it was asked for shard %d of phase %d and wrote %.200q", to.Shard, to.Phase, line)
	}
	return a, nil
}
