package featurestest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"quern/features/diag"
	"quern/pipeline/model"
)

// modelFile: saving, loading and saving gives the same bytes; the loaded model gives
// the same outputs; and no damage passes.
func modelFile(c *Case) {
	loaded, err := model.Read(c.bytes)
	if err != nil {
		c.Errorf("it does not load: %v", err)
		return
	}
	if again, err := loaded.Bytes(); err != nil || !bytes.Equal(again, c.bytes) {
		c.Errorf("saved again it has other bytes (%v): %s", err, firstDifference(string(again), string(c.bytes)))
	}
	if loaded.Digest() != c.model.Digest() {
		c.Errorf("loaded it has another digest")
	}
	c.sameOutputsAs(loaded, "loaded")
	if c.scalar != nil {
		return // damage knows no lists
	}
	rng := newRand(c.seed + 100)
	c.truncated(rng)
	c.mutants(rng)
	c.resealed(rng)
}

// sameOutputsAs compares another model's outputs with those of the sample's.
func (c *Case) sameOutputsAs(m *model.Model, what string) {
	for _, mode := range modesOf(m) {
		want, err := c.run(programs(c.model)[mode], c.calm.batch(newRand(c.seed), mixed))
		if err != nil {
			c.Errorf("%s: %v", mode, err)
			continue
		}
		got, err := c.run(programs(m)[mode], c.calm.batch(newRand(c.seed), mixed))
		if err != nil {
			c.Errorf("%s: %s: %v", what, mode, err)
		} else if where := differ(got, want, nil); where != "" {
			c.Errorf("%s: %s: %s", what, mode, where)
		}
	}
}

// refused checks that a damaged file is refused in the user's terms.
func (c *Case) refused(data []byte, what string, at int) {
	_, err := model.Read(data)
	var e *diag.Error
	switch {
	case err == nil:
		c.Errorf("%s at byte %d of %d: it loads", what, at, len(c.bytes))
	case !errors.As(err, &e):
		c.Errorf("%s at byte %d: %v is no error of the user's", what, at, err)
	}
}

// truncated: every prefix is refused; some are tried, the shortest and longest always.
func (c *Case) truncated(rng *rand.Rand) {
	n := len(c.bytes)
	for i := range 40 {
		at := []int{0, 1, 4, 76, 77, 78, n - 1, n - 2, n - 76, n - 77, n - 78}
		if i < len(at) {
			c.refused(c.bytes[:min(n-1, max(0, at[i]))], "cut off", at[i])
			continue
		}
		at[0] = rng.IntN(n)
		c.refused(c.bytes[:at[0]], "cut off", at[0])
	}
	c.refused(append(bytes.Clone(c.bytes), 0), "one byte more", n)
}

// mutants: a file with one wrong byte is refused. Over all samples there are more
// than 20,000 of them.
func (c *Case) mutants(rng *rand.Rand) {
	count := 120
	switch {
	case Long():
		count = 500
	case testing.Short():
		count = 30
	}
	data := bytes.Clone(c.bytes)
	for i := range count {
		at := rng.IntN(len(data))
		old := data[at]
		if i%2 == 0 {
			data[at] ^= 1 << rng.IntN(8)
		} else {
			data[at] += byte(1 + rng.IntN(255))
		}
		c.refused(data, "a wrong byte", at)
		data[at] = old
	}
}

// resealed: a file that was tampered with, and whose seal was made anew, is refused
// or computes the same: what was learnt has a digest of its own, and golden rows.
// It never panics.
func (c *Case) resealed(rng *rand.Rand) {
	count := 40
	switch {
	case Long():
		count = 100
	case testing.Short():
		count = 3
	}
	for range count {
		data := tampered(rng, c.bytes)
		m, err := model.Read(data)
		var e *diag.Error
		switch {
		case err != nil && !errors.As(err, &e):
			c.Errorf("tampered with: %v is no error of the user's", err)
		case err == nil && m.Digest() != c.model.Digest():
			c.Errorf("tampered with: it loads as another model")
		case err == nil:
			c.sameOutputsAs(m, "tampered with")
		}
	}
}

// tampered returns a model file in which one byte of one member, or of the archive
// around them, is another, sealed as if it were right.
func tampered(rng *rand.Rand, file []byte) []byte {
	const seal = len("quern sha256:") + 2*sha256.Size
	data := bytes.Clone(file)
	if rng.IntN(4) == 0 {
		data[rng.IntN(len(data)-seal)] ^= 1 << rng.IntN(8)
		return sealed(data, seal)
	}
	z, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		panic(err)
	}
	victim := rng.IntN(len(z.File))
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range z.File {
		body := member(f)
		if i == victim {
			body[rng.IntN(len(body))] ^= 1 << rng.IntN(8)
		}
		part, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err == nil {
			_, err = part.Write(body)
		}
		if err != nil {
			panic(err)
		}
	}
	if err := errors.Join(w.SetComment(string(file[len(file)-seal:])), w.Close()); err != nil {
		panic(err)
	}
	return sealed(out.Bytes(), seal)
}

func member(f *zip.File) []byte {
	r, err := f.Open()
	if err != nil {
		panic(err)
	}
	defer r.Close()
	body, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return body
}

// sealed writes the digest of all bytes before the comment into it.
func sealed(data []byte, seal int) []byte {
	sum := sha256.Sum256(data[:len(data)-seal])
	copy(data[len(data)-seal:], "quern sha256:"+hex.EncodeToString(sum[:]))
	return data
}
