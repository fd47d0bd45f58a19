package view

import (
	"encoding/hex"
	"slices"

	"quern/features/column"
)

// wrong says what of a manifest no publish writes, so that whoever reads one need not ask;
// "": nothing. Its seal keeps accidents out, not somebody who writes seals.
func (m *Manifest) wrong() string {
	digest, err := hex.DecodeString(m.Model)
	switch {
	case err != nil || len(digest) != 32:
		return "the model's digest is none"
	case m.Previous != "" && !validVersion(m.Previous):
		return "the version before is none"
	case len(m.Key) == 0 || !typed(m.Key) || !typed(m.Features):
		return "the key or a feature has no type"
	case len(m.Segments) == 0 || slices.ContainsFunc(m.Segments, File.wrong) || m.ModelFile.wrong():
		return "a file that is none"
	case min(m.Rows, m.SourceRows, m.Left, m.NullKeys, m.Older) < 0 || m.TTL < 0:
		return "a number below zero"
	}
	for i, f := range m.Segments {
		if f.Name != segmentName(i) {
			return "a segment called " + f.Name
		}
	}
	return ""
}

// typed reports whether all columns have a type.
func typed(fields []Field) bool {
	return !slices.ContainsFunc(fields, func(f Field) bool {
		_, ok := column.ParseType(f.Type)
		return !ok
	})
}

// wrong reports whether f cannot be a file of a version.
func (f File) wrong() bool { return f.Bytes < 0 || f.Rows < 0 }
