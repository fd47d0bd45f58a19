package output_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"quern/pipeline/store"
)

// memory is a store whose every operation can fail: the disk's error at one
// operation, or from one operation on (the process is dead), and which can lose
// power.
type memory struct {
	mu      sync.Mutex
	objects map[string][]byte
	durable map[string]bool
	locked  bool
	ops     int   // operations so far that change something
	failAt  int   // the operation that fails; 0: none
	dead    bool  // all after it fail too
	failure error // with which
}

func newMemory() *memory {
	return &memory{objects: map[string][]byte{}, durable: map[string]bool{}}
}

// unlockable is a store without locks, as object stores are.
type unlockable struct{ store.Store }

func (m *memory) step() error {
	m.ops++
	if m.failAt > 0 && (m.ops == m.failAt || m.dead && m.ops > m.failAt) {
		return m.failure
	}
	return nil
}

func (m *memory) Location() string { return "memory" }

func (m *memory) Lock(context.Context) (func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locked {
		return nil, store.ErrLocked
	}
	if err := m.step(); err != nil {
		return nil, err
	}
	m.locked = true
	return func() { m.mu.Lock(); m.locked = false; m.mu.Unlock() }, nil
}

func (m *memory) Create(_ context.Context, name string) (store.Writer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memoryWriter{store: m, name: name}, m.step()
}

func (m *memory) Open(_ context.Context, name string) (store.Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.objects[name]
	if !ok {
		return nil, store.ErrNotFound
	}
	return memoryReader{bytes.NewReader(data)}, nil
}

func (m *memory) List(_ context.Context, prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if prefix == "" || strings.HasPrefix(name, prefix+"/") {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *memory) Remove(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	delete(m.objects, name)
	delete(m.durable, name)
	return nil
}

func (m *memory) Sync(_ context.Context, names []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := m.objects[name]; !ok {
			return store.ErrNotFound
		}
		m.durable[name] = true
	}
	return nil
}

// snapshot returns a copy of what is there.
func (m *memory) snapshot() map[string][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.objects)
}

// losePower does to each object that is not durable what a file system may do: it
// stays, goes, or is shorter.
func (m *memory) losePower(r *rand.Rand) {
	for _, name := range slices.Sorted(maps.Keys(m.objects)) {
		if m.durable[name] {
			continue
		}
		switch data := m.objects[name]; r.IntN(3) {
		case 0:
			delete(m.objects, name)
		case 1:
			m.objects[name] = data[:r.IntN(len(data)+1)]
		}
	}
}

// revive returns a store with what the dead one left.
func (m *memory) revive() *memory {
	next := newMemory()
	next.objects, next.durable = m.snapshot(), maps.Clone(m.durable)
	return next
}

type memoryReader struct{ *bytes.Reader }

func (memoryReader) Close() error { return nil }

type memoryWriter struct {
	store  *memory
	name   string
	data   []byte
	synced bool
	done   bool
}

func (w *memoryWriter) Write(b []byte) (int, error) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if err := w.store.step(); err != nil {
		return 0, err
	}
	w.data = append(w.data, b...)
	return len(b), nil
}

func (w *memoryWriter) Sync() error {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.synced = true
	return w.store.step()
}

func (w *memoryWriter) Commit() error {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if w.done {
		return errors.New("committed twice")
	}
	w.done = true
	if err := w.store.step(); err != nil {
		return err
	}
	if _, ok := w.store.objects[w.name]; ok {
		return store.ErrExists
	}
	w.store.objects[w.name] = w.data
	w.store.durable[w.name] = w.synced
	return nil
}

func (w *memoryWriter) Abort() error {
	w.done = true
	return nil
}
