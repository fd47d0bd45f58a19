package overlay

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
)

// sector is what a simulated disk writes at once, or not at all.
const sector = 512

var (
	errPower = errors.New("the power is off")
	errDisk  = errors.New("the disk fails")
)

// sim is a disk with a cache that a power cut empties. Of what was not synced, each sector,
// each size and each name survives or not, as a random number says.
type sim struct {
	mu      sync.Mutex
	rnd     *rand.Rand
	names   map[string]*inode // as processes see them
	durable map[string]*inode // as they are on disk
	pending []func(map[string]*inode)

	left     int   // operations until the power goes; negative: it stays
	off      bool  // nothing works any more
	space    int64 // bytes of files at most; 0: as many as they like
	failSync int   // of 100 syncs of files or names, how many fail
	failed   int   // how many did
	full     int   // how many writes found the disk full
}

// inode is a file: what processes see, and for a crash, all that a sector, and the size,
// may be on disk.
type inode struct {
	data     []byte
	sure     []byte
	sizes    []int            // since the last sync
	versions map[int][][]byte // by sector, since the last sync
}

func newSim(rnd *rand.Rand) *sim {
	return &sim{rnd: rnd, names: map[string]*inode{}, durable: map[string]*inode{}, left: -1}
}

// step counts an operation; it fails when the power is off.
func (d *sim) step() error {
	if d.left == 0 {
		d.off = true
	}
	if d.off {
		return errPower
	}
	d.left--
	return nil
}

func (d *sim) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Keys(d.names)), d.step()
}

func (d *sim) Create(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	n := d.names[name]
	if n == nil {
		n = &inode{versions: map[int][][]byte{}}
		d.change(func(m map[string]*inode) { m[name] = n })
	}
	n.truncate(0)
	return &simFile{d, n}, nil
}

// change changes the names that processes see; on disk, it is pending.
func (d *sim) change(f func(map[string]*inode)) {
	f(d.names)
	d.pending = append(d.pending, f)
}

func (d *sim) Open(name string) (file, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return nil, err
	}
	n := d.names[name]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return &simFile{d, n}, nil
}

func (d *sim) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	n := d.names[from]
	if n == nil {
		return fs.ErrNotExist
	}
	d.change(func(m map[string]*inode) {
		m[to] = n
		if m[from] == n {
			delete(m, from)
		}
	})
	return nil
}

func (d *sim) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.step(); err != nil {
		return err
	}
	n := d.names[name]
	if n == nil {
		return fs.ErrNotExist
	}
	d.change(func(m map[string]*inode) {
		if m[name] == n {
			delete(m, name)
		}
	})
	return nil
}

func (d *sim) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.syncFails(); err != nil {
		return err
	}
	d.durable, d.pending = maps.Clone(d.names), nil
	return nil
}

func (d *sim) syncFails() error {
	if err := d.step(); err != nil {
		return err
	}
	if d.failSync > 0 && d.rnd.IntN(100) < d.failSync {
		d.failed++
		return errDisk
	}
	return nil
}

// used returns the bytes of all files.
func (d *sim) used() (n int64) {
	for _, f := range d.names {
		n += int64(len(f.data))
	}
	return n
}

// cut returns the disk as it is after a power cut.
func (d *sim) cut() *sim {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.off = true
	after := newSim(d.rnd)
	names := maps.Clone(d.durable)
	prefix, chance := d.rnd.IntN(len(d.pending)+1), d.rnd.IntN(101)
	inOrder := d.rnd.IntN(2) == 0
	for i, f := range d.pending {
		if inOrder && i < prefix || !inOrder && d.rnd.IntN(100) < chance {
			f(names)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		image := names[name].crash(d.rnd)
		after.names[name] = &inode{data: image, sure: slices.Clone(image), versions: map[int][][]byte{}}
	}
	after.durable = maps.Clone(after.names)
	return after
}

// crash returns what is left of a file.
func (n *inode) crash(rnd *rand.Rand) []byte {
	sizes := append([]int{len(n.sure)}, n.sizes...)
	image := make([]byte, sizes[rnd.IntN(len(sizes))])
	copy(image, n.sure)
	chance := []int{0, 50, 90, 100}[rnd.IntN(4)]
	for s := range (len(image) + sector - 1) / sector {
		if v := n.versions[s]; len(v) > 0 && rnd.IntN(100) < chance {
			to := image[s*sector : min(len(image), (s+1)*sector)]
			clear(to)
			copy(to, v[len(v)-1-rnd.IntN(len(v))*rnd.IntN(2)])
		}
	}
	return image
}

func (n *inode) truncate(size int) {
	if size < len(n.data) {
		n.data = n.data[:size:size]
	}
	n.data = append(n.data, make([]byte, size-len(n.data))...)
	n.sizes = append(n.sizes, size)
}

// simFile is an open file.
type simFile struct {
	d *sim
	n *inode
}

func (f *simFile) Close() error { return nil }

func (f *simFile) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	return int64(len(f.n.data)), f.d.step()
}

func (f *simFile) ReadAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.off {
		return 0, errPower
	}
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) WriteAt(b []byte, at int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.off {
		return 0, errPower
	}
	err := f.d.step()
	if more := at + int64(len(b)) - int64(len(f.n.data)); err == nil && f.d.space > 0 && more > 0 && f.d.used()+more > f.d.space {
		f.d.full++
		b, err = b[:max(0, min(int64(len(b)), int64(len(b))-(f.d.used()+more-f.d.space)))], syscall.ENOSPC
	}
	// What is under way when the power goes may be on disk, too.
	if end := int(at) + len(b); end > len(f.n.data) {
		f.n.truncate(end)
	}
	copy(f.n.data[at:], b)
	for s := int(at) / sector; s*sector < int(at)+len(b); s++ {
		now := slices.Clone(f.n.data[s*sector : min(len(f.n.data), (s+1)*sector)])
		f.n.versions[s] = append(f.n.versions[s], now)
	}
	return len(b), err
}

func (f *simFile) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.step(); err != nil {
		return err
	}
	f.n.truncate(int(size))
	return nil
}

// Sync makes a file durable. When it fails, the cache forgets that anything is to be
// written: only what is written again is on disk after the next one.
func (f *simFile) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	err := f.d.syncFails()
	if errors.Is(err, errDisk) {
		// As after a crash, but processes go on seeing what they wrote.
		f.n.sure = f.n.crash(f.d.rnd)
		f.n.forget()
		return err
	}
	if err != nil {
		return err
	}
	f.n.settle()
	return nil
}

// forget has the cache take all of the file for written.
func (n *inode) forget() { n.sizes, n.versions = nil, map[int][][]byte{} }

// settle puts on disk what was written since the last sync.
func (n *inode) settle() {
	image := slices.Clone(n.sure)
	if len(n.sizes) > 0 || len(image) < len(n.data) {
		image = append(image, make([]byte, max(0, len(n.data)-len(image)))...)[:len(n.data)]
	}
	for s, v := range n.versions {
		if at := s * sector; at < len(image) {
			to := image[at:min(len(image), at+sector)]
			clear(to)
			copy(to, v[len(v)-1])
		}
	}
	n.sure = image
	n.forget()
}
