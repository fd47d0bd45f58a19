package features

import (
	"reflect"
	"testing"
)

// TestPresetsDecode: every preset of every operator is made of options that the
// operator has, and changes something.
func TestPresetsDecode(t *testing.T) {
	for _, preset := range Presets() {
		changed := 0
		for _, e := range Catalogue() {
			op := NewOperator(e, preset)
			for key := range Preset(preset, e.Name) {
				if !hasOption(e, key) {
					t.Errorf("%s: %s has no option %s", preset, e.Name, key)
				}
			}
			if !reflect.DeepEqual(op, e.New()) {
				changed++
			}
		}
		if changed < 2 {
			t.Errorf("%s changes %d operators", preset, changed)
		}
	}
	for _, e := range Catalogue() {
		if !reflect.DeepEqual(NewOperator(e, ""), e.New()) {
			t.Errorf("no preset changes %s", e.Name)
		}
	}
}

func hasOption(e Entry, key string) bool {
	for _, o := range e.Doc.Options {
		if o.Key == key {
			return true
		}
	}
	return false
}
