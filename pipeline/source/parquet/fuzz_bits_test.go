package parquet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"

	"quern/features/column"
)

// naiveRuns decodes n values bit by bit and reports whether data has them.
func naiveRuns(data []byte, width, n int) (values []uint32, ok bool) {
	for len(values) < n {
		left := uint64(n - len(values))
		h, used := binary.Uvarint(data)
		if used <= 0 {
			return nil, false
		}
		data = data[used:]
		count, packed := h>>1, h&1 == 1
		if packed && count > (left+7)/8 || !packed && count > (left+7)/8*8 || count == 0 {
			return nil, false
		}
		bytes, wanted := (width+7)/8, min(count, left)
		if packed {
			wanted = min(8*count, left)
			if bytes = int(count) * width; bytes > len(data) {
				bytes = (int(wanted)*width + 7) / 8
			}
		}
		if bytes > len(data) {
			return nil, false
		}
		for i := range int(wanted) {
			value := uint64(0)
			for b := range width {
				if at := b + i*width; packed {
					value |= uint64(data[at/8]>>(at%8)&1) << b
				}
			}
			if !packed {
				for b := range bytes {
					value |= uint64(data[b]) << (8 * b)
				}
			}
			if value >= 1<<width {
				return nil, false
			}
			values = append(values, uint32(value))
		}
		data = data[bytes:]
	}
	return values, true
}

// FuzzIndexes holds every way of decoding indexes against the naive one.
func FuzzIndexes(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 40))
	for width := range 33 {
		values := make([]int32, 100+width)
		for i := range values {
			values[i] = int32(r.Uint32()>>max(1, 32-width)) & int32(1<<width-1)
		}
		copy(values[20:60], values[5:6])
		f.Add(encodeRuns(r, values, width), byte(width), uint16(len(values)), uint32(1)<<min(width, 30), byte(width))
	}
	f.Add(longRun(), byte(1), uint16(9), uint32(2), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, width byte, n uint16, entries uint32, step byte) {
		width %= 33
		want, ok := naiveRuns(data, int(width), int(n))
		if n > 0 && ok {
			ok = int64(slices.Max(want)) < int64(int32(entries))
		}
		data = append([]byte{width}, data...)
		for _, spare := range []int{0, 5, padding} {
			data = slices.Grow(slices.Clip(data), spare)
			for _, k := range allKernels() {
				b := newBlock(k)
				x := &b.indexes
				got := make([]int32, n)
				err := x.begin(data, len(got), int(int32(entries)))
				if err == nil {
					err = x.read(got)
				}
				if (err == nil) != ok {
					t.Fatalf("%v: %v, want %v", k.Level(), err, want)
				}
				parts := []int32{}
				for err = x.begin(data, len(got), int(int32(entries))); err == nil && len(parts) < len(got); {
					some := min(len(got)-len(parts), 1+int(step))
					if err = x.fill(some); err == nil {
						parts = append(parts, x.dense[:some]...)
						x.drop(some)
					}
				}
				if (err == nil) != ok {
					t.Fatalf("%v, in parts: %v, want %v", k.Level(), err, want)
				}
				for i := range want {
					if ok && (uint32(got[i]) != want[i] || uint32(parts[i]) != want[i]) {
						t.Fatalf("%v: value %d is %d, in parts %d, want %d", k.Level(), i, got[i], parts[i], want[i])
					}
				}
			}
		}
	})
}

// FuzzLevels holds readLevels against the naive way.
func FuzzLevels(f *testing.F) {
	f.Add([]byte{3, 0xaa, 20, 1, 6, 0}, byte(0), uint16(21))
	f.Add([]byte{3, 0xaa, 0x81, 1, 1, 5, 0xff, 0x01, 0x80, 0x02, 0}, byte(61), uint16(400))
	f.Add([]byte{126, 1, 17, 1, 2, 3, 4, 5, 6, 7, 8, 19, 1, 2, 3, 4, 5, 6, 7, 8, 9}, byte(63), uint16(199))
	f.Add([]byte{30, 2, 4, 1, 100, 1, 100, 1, 100, 1, 100, 1}, byte(7), uint16(117))
	f.Add(longRun(), byte(1), uint16(70))
	f.Fuzz(func(t *testing.T, data []byte, start byte, n uint16) {
		want, ok := naiveRuns(data, 1, int(n))
		valid := column.NewBitmap(int(start) + int(n))
		for i := range int(start) {
			valid.Set(i)
		}
		present, err := readLevels(data, valid, int(start), int(n))
		if (err == nil) != ok {
			t.Fatalf("%v, want %v", err, want)
		}
		if !ok {
			return
		}
		set := 0
		for i, level := range want {
			set += int(level)
			if valid.Get(int(start)+i) != (level == 1) {
				t.Fatalf("level %d is not %d", i, level)
			}
		}
		if set != present || valid.Count(int(start)+int(n)) != int(start)+set {
			t.Fatalf("%d are present instead of %d", present, set)
		}
		if rest := (int(start) + int(n)) & 63; rest > 0 && valid[len(valid)-1]>>rest != 0 {
			t.Fatal("bits past the last level are set")
		}
	})
}

// FuzzDecompress checks that no codec writes past the length that it is given, and that
// snappy's own idea of the length is held against it.
func FuzzDecompress(f *testing.F) {
	body := bytes.Repeat([]byte("grain "), 20)
	packed := snappy.Encode(nil, body)
	f.Add(packed, byte(snappyCodec), uint16(len(body)))
	f.Add(packed, byte(snappyCodec), uint16(len(body)-1))
	f.Add(packed[:len(packed)-1], byte(snappyCodec), uint16(len(body)))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}, byte(snappyCodec), uint16(9))
	f.Add([]byte{3, 8, 'a', 'b', 'c'}, byte(snappyCodec), uint16(3))
	f.Add([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x20, 3, 0x19, 0, 0, 'a', 'b', 'c'}, byte(zstdCodec), uint16(3))
	f.Add([]byte{0x30, 'a', 'b', 'c'}, byte(lz4RawCodec), uint16(3))
	f.Add([]byte{0x0b, 1, 0x80, 'a', 'b', 'c', 3}, byte(brotliCodec), uint16(3))
	f.Add([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff}, byte(gzipCodec), uint16(3))
	f.Fuzz(func(t *testing.T, data []byte, codec byte, length uint16) {
		if !known(int32(codec)) {
			return
		}
		buffer := bytes.Repeat([]byte{0xa5}, int(length)+padding)
		var d decompressor
		defer d.close()
		err := d.decompress(int32(codec), data, buffer[:length])
		var damaged interface{ Unwrap() error }
		if err != nil && !errors.As(err, &damaged) {
			t.Fatal(err)
		}
		if !bytes.Equal(buffer[length:], bytes.Repeat([]byte{0xa5}, padding)) {
			t.Fatalf("codec %d wrote past %d bytes", codec, length)
		}
	})
}
