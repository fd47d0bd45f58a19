package commitlog

import (
	"crypto/sha256"
	"testing"

	"quern/shard/core"
	"quern/shard/record"
)

// TestLoad: nothing is believed but the bytes that the record says.
func TestLoad(t *testing.T) {
	log := New(local(t))
	if o, err := log.Put(t.Context(), "a", []byte("text")); o != core.Done {
		t.Fatal(o, err)
	}
	for _, c := range []struct {
		name, text string
		want       core.Outcome
	}{{"a", "text", core.Done}, {"a", "texx", core.Corrupt}, {"a", "texts", core.Corrupt}, {"a", "", core.Corrupt}, {"z", "text", core.Missing}} {
		data, o, err := log.Load(t.Context(), record.File{Name: c.name, Size: int64(len(c.text)), SHA256: sha256.Sum256([]byte(c.text))})
		if o != c.want || (o == core.Done) != (string(data) == "text") {
			t.Errorf("%q as %q: %v, %q (%v), want %v", c.name, c.text, o, data, err, c.want)
		}
	}
}
