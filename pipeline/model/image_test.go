package model_test

import (
	"bytes"
	"errors"
	"testing"

	"quern/pipeline/model"
)

// sheet is memory that grows as it is written.
type sheet struct {
	bytes []byte
	full  int64 // nothing is written past it; 0: no limit
}

var errFull = errors.New("full")

func (s *sheet) WriteAt(b []byte, at int64) (int, error) {
	end := at + int64(len(b))
	if s.full > 0 && end > s.full {
		return 0, errFull
	}
	if missing := end - int64(len(s.bytes)); missing > 0 {
		s.bytes = append(s.bytes, make([]byte, missing)...)
	}
	return copy(s.bytes[at:], b), nil
}

// TestImage: the model that is mapped is the one that was written, and what is not its image
// is none.
func TestImage(t *testing.T) {
	m := flights(t, nil)
	stamp := [32]byte{1, 2, 3}
	var s sheet
	if err := m.WriteImage(&s, stamp); err != nil {
		t.Fatal(err)
	}
	back, err := model.ReadImage(s.bytes, stamp)
	if err != nil {
		t.Fatal(err)
	}
	if back.Digest() != m.Digest() || !bytes.Equal(fileOf(t, back), fileOf(t, m)) {
		t.Error("the model of the image is another")
	}
	for i, table := range back.Tables() {
		if of := m.Tables()[i]; table.Digest() != of.Digest() || table.Name != of.Name {
			t.Errorf("table %s is another", table.Name)
		}
	}
	if _, err := model.ReadImage(s.bytes, [32]byte{1, 2}); err == nil {
		t.Error("an image with another stamp was read")
	}
	for n := 0; n < len(s.bytes)-8; n += 1 + n/7 {
		if _, err := model.ReadImage(s.bytes[:n], stamp); err == nil {
			t.Errorf("%d of %d bytes are an image", n, len(s.bytes))
		}
	}
	if err := m.WriteImage(&sheet{full: int64(len(s.bytes)) / 2}, stamp); !errors.Is(err, errFull) {
		t.Errorf("an image that does not fit: %v", err)
	}
}
