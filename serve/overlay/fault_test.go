package overlay

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"quern/serve/row"
)

// TestFullDiskFailsPushesOnly: nothing is lost, look-ups go on, and so do pushes later.
func TestFullDiskFailsPushesOnly(t *testing.T) {
	l := smallLayout(t)
	disk := newSim(rand.New(rand.NewPCG(5, 5)))
	v, err := openOn(disk, l, Options{fileBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	want := map[int64]int64{}
	for id := int64(1); id < 200; id++ {
		disk.mu.Lock()
		disk.space = []int64{0, 1}[id/10%2]
		disk.mu.Unlock()
		_, err := v.Put(context.Background(), encode(t, l, small{id % 8, id, id}))
		switch full := id/10%2 == 1; {
		case full && (!isCode(err, "Q672") || !errors.Is(err, syscall.ENOSPC)):
			t.Fatalf("a push to a full disk: %v", err)
		case !full && err != nil:
			t.Fatalf("a push to a disk with space: %v", err)
		case !full:
			want[id%8] = id
		}
		expect(t, v, want)
	}
	v.Close()
	if v, err = openOn(disk.cut(), l, Options{}); err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	expect(t, v, want)
}

// TestFailedSyncEndsWriting: of files, of names; look-ups go on, and opening starts anew.
func TestFailedSyncEndsWriting(t *testing.T) {
	l := smallLayout(t)
	for first := range 2 { // the first frame of a file syncs its name, too
		disk := newSim(rand.New(rand.NewPCG(5, uint64(first))))
		v, err := openOn(disk, l, Options{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[int64]int64{}
		if first == 1 {
			mustPut(t, v, small{1, 1, 1})
			want[1] = 1
		}
		disk.mu.Lock()
		disk.failSync = 100
		disk.mu.Unlock()
		for range 3 {
			if _, err := v.Put(context.Background(), encode(t, l, small{1, 2, 2})); !isCode(err, "Q673") || !errors.Is(err, errDisk) {
				t.Errorf("a push when fsync fails: %v", err)
			}
			disk.mu.Lock()
			disk.failSync = 0 // it would succeed, which means nothing
			disk.mu.Unlock()
		}
		if err := v.Trim(uint64(first), "x"); first == 1 && !isCode(err, "Q673") {
			t.Errorf("trim when fsync failed: %v", err)
		}
		if v.Stats().Failed == nil {
			t.Error("nobody is told")
		}
		expect(t, v, want)
		v.Close()
		if v, err = openOn(disk, l, Options{}); err != nil {
			t.Fatal(err)
		}
		mustPut(t, v, small{1, 3, 3})
		v.Close()
		if v, err = openOn(disk.cut(), l, Options{}); err != nil {
			t.Fatal(err)
		}
		expect(t, v, map[int64]int64{1: 3})
		v.Close()
	}
}

// TestEveryOperationFailsOnce lets each operation of a small run find the power off, one
// after the other, and checks what is left.
func TestEveryOperationFailsOnce(t *testing.T) {
	l := smallLayout(t)
	for at := 0; ; at++ {
		h := newHistory(t, l, 11)
		v, err := openOn(h.disk, l, Options{fileBytes: 1500, manual: true})
		if err != nil {
			t.Fatal(err)
		}
		h.v, h.disk.left = v, at
		for i := range 20 {
			if h.push(); i%5 == 4 {
				h.compact()
			}
			if err := h.check(); err != nil {
				t.Fatalf("operation %d: %v", at, err)
			}
		}
		if !h.disk.off {
			t.Logf("%d operations", at)
			break
		}
		if err := h.restart(); err != nil {
			t.Fatalf("operation %d: %v", at, err)
		}
	}
}

// FuzzOpen reads any bytes as a log: it opens, or says what is wrong; what it hands out
// can be read, and what it left can be opened again.
func FuzzOpen(f *testing.F) {
	l := smallLayout(f)
	disk := newSim(rand.New(rand.NewPCG(1, 1)))
	v, err := openOn(disk, l, Options{fileBytes: 400, manual: true})
	if err != nil {
		f.Fatal(err)
	}
	for id := range int64(6) {
		if _, err := v.enqueue(encode(f, l, small{id % 3, id, id}, small{id%3 + 1, id, 100 + id})); err != nil {
			f.Fatal(err)
		}
		v.step()
	}
	if err := v.Trim(3, "note"); err != nil {
		f.Fatal(err)
	}
	first, second, check := disk.names[walName(1)].data, disk.names[walName(v.log.files[1].first)].data, disk.names[checkpointName].data
	f.Add(first, second, check)
	f.Add(first, second[:len(second)-9], []byte{})
	f.Add(first[:headerSize], []byte{}, check)
	f.Add(first[:100], second[:10], check[:20])
	at := v.log.files[1].first
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		disk := newSim(rand.New(rand.NewPCG(1, 1)))
		for name, data := range map[string][]byte{walName(1): reseal(a), walName(at): reseal(b), checkpointName: c} {
			if len(data) > 0 {
				disk.names[name] = &inode{data: data, versions: map[int][][]byte{}}
			}
		}
		v, err := openOn(disk, l, Options{manual: true})
		if err != nil {
			if !isCode(err, "Q671") && !isCode(err, "Q674") {
				t.Fatal(err)
			}
			return
		}
		rows := int64(0)
		if _, err := v.Snapshot(func(r *row.Rows) error {
			for i := range r.Len() {
				rows++
				l.Bytes(r.At(i), 1)
			}
			return nil
		}); err != nil || rows != v.Stats().Rows {
			t.Fatalf("%d rows of %d, %v", rows, v.Stats().Rows, err)
		}
		if v, err = openOn(disk, l, Options{manual: true}); err != nil || v.Stats().Rows != rows {
			t.Fatalf("opened again: %v", err)
		}
	})
}

// reseal gives a file of rows, wherever it looks like one, the checksums that belong there.
func reseal(b []byte) []byte {
	if len(b) < headerSize {
		return b
	}
	b = append([]byte(nil), b...)
	copy(b[headerSize-4:], sealed(b[:headerSize-4])[headerSize-4:])
	for at := int64(headerSize); at+headSize <= int64(len(b)); {
		h, _ := parseHead(sealed(b[at : at+headSize-4 : at+headSize-4]))
		end := at + headSize + int64(h.length)
		if h.length == 0 || end > int64(len(b)) {
			break
		}
		h.sum = checksum(b[at+headSize : end])
		h.put(b[at:])
		at += h.size()
	}
	return b
}
