package gpu

import (
	"encoding/json"
	"sync"

	"quern/features/stat"
	"quern/gpu/reduce"
)

// memory is what slices have found out that later ones begin with. It cannot change a
// result.
type memory struct {
	mu      sync.Mutex
	windows map[string]reduce.Window
}

// windowOf returns the bits that keyed sums of a spec have needed so far: at first, those
// of labels.
func (m *memory) windowOf(spec stat.Spec) reduce.Window {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w, ok := m.windows[keyOf(spec)]; ok {
		return w
	}
	return reduce.Window{Exp: 0, Words: 1}
}

// widen makes later slices begin with w.
func (m *memory) widen(spec stat.Spec, w reduce.Window) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.windows == nil {
		m.windows = map[string]reduce.Window{}
	}
	m.windows[keyOf(spec)] = w
}

func keyOf(spec stat.Spec) string {
	text, err := json.Marshal(spec)
	if err != nil {
		panic("quern: bug: gpu: a spec has no JSON: " + err.Error())
	}
	return string(text)
}
