package overlay

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestCheckpointIsDurableBeforeFilesGo: the name of a checkpoint could not be made durable, and
// the process dies. The next one removes files for it, and the power goes: the files may be gone,
// but then the checkpoint must not be the one before.
func TestCheckpointIsDurableBeforeFilesGo(t *testing.T) {
	l := smallLayout(t)
	for seed := range uint64(300) {
		disk := newSim(rand.New(rand.NewPCG(seed, 1)))
		v, err := openOn(disk, l, Options{fileBytes: 1})
		if err != nil {
			t.Fatal(err)
		}
		for id := range int64(4) { // a file each
			mustPut(t, v, small{id, 1, id + 1})
		}
		disk.left = 4 // the checkpoint is made, written, synced and renamed
		if err := v.Trim(3, "three"); !isCode(err, "Q672") {
			t.Fatalf("trim when the power goes: %v", err)
		}
		v.Close()
		disk.off, disk.left = false, int(seed%12) // only the process died; the power goes later
		if v, err = openOn(disk, l, Options{}); err == nil {
			v.Close()
		}
		if v, err = openOn(disk.cut(), l, Options{}); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		expect(t, v, map[int64]int64{3: 4})
		for id := range int64(3) { // in segments, if the checkpoint says so
			if r := get(v, nil, id); r.Missing() != (v.Stats().Trimmed == 3) {
				t.Errorf("seed %d: row %d is missing: %v, %d are in segments", seed, id, r.Missing(), v.Stats().Trimmed)
			}
		}
		v.Close()
	}
}

// TestLeftBehindTheLastFrame: bytes behind the last frame of a file are no damage if the next file
// goes on where that frame ends, and are if rows are missing between the two.
func TestLeftBehindTheLastFrame(t *testing.T) {
	l := smallLayout(t)
	disk := newSim(rand.New(rand.NewPCG(1, 1)))
	v, err := openOn(disk, l, Options{fileBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	for id := range int64(3) {
		mustPut(t, v, small{id, 1, id + 1})
	}
	v.Close()
	names, _ := disk.List()
	slices.Sort(names)
	first := disk.names[names[0]].data
	of, _ := parseHeader(first[:headerSize])
	torn := make([]byte, headSize+80) // the head of a frame, and not all of its rows
	head{length: 100, first: 2, id: of.id, rows: 1, sum: 7}.put(torn)
	for what, left := range map[string]string{"a byte": "x", "zeros": strings.Repeat("\x00", 600), "a torn frame": string(torn)} {
		grown := diskOf(disk.rnd, disk)
		grown.names[names[0]].data = append(slices.Clone(first), left...)
		v, err := openOn(grown, l, Options{})
		if err != nil {
			t.Errorf("%s is left: %v", what, err)
			continue
		}
		expect(t, v, map[int64]int64{0: 1, 1: 2, 2: 3})
		v.Close()
		delete(grown.names, names[1])
		if _, err := openOn(grown, l, Options{}); !isCode(err, "Q671") || !strings.Contains(err.Error(), names[0]) {
			t.Errorf("%s is left, and the next file is not: %v", what, err)
		}
	}
}
