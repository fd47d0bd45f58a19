package bench

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// cpuProfile is what a pprof file of a CPU profile holds, as far as reports need it.
// The format is profile.proto of github.com/google/pprof: a gzip of a protocol
// buffer.
type cpuProfile struct {
	samples   []stack
	locations map[uint64][]uint64 // location -> functions, innermost first
	functions map[uint64]int64    // function -> its name among texts
	texts     []string
}

// stack is a call stack, innermost location first, and its processor time.
type stack struct {
	locations []uint64
	seconds   float64
}

// Function is one function's share of the processor time.
type Function struct {
	Name  string  `json:"name"`
	Self  float64 `json:"self_s"`
	Total float64 `json:"total_s"` // with what it calls
}

var errProfile = errors.New("not a CPU profile")

// Fields of profile.proto.
const (
	profileSample   = 2
	profileLocation = 4
	profileFunction = 5
	profileText     = 6

	sampleLocation = 1
	sampleValue    = 2

	locationID   = 1
	locationLine = 4
	lineFunction = 1

	functionID   = 1
	functionName = 2
)

// readProfile reads a CPU profile as runtime/pprof writes it: of each sample the
// second value is nanoseconds.
func readProfile(r io.Reader) (*cpuProfile, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProfile, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errProfile, err)
	}
	p := &cpuProfile{locations: map[uint64][]uint64{}, functions: map[uint64]int64{}}
	err = eachField(data, func(field int, x uint64, b []byte) error {
		switch field {
		case profileSample:
			return p.sample(b)
		case profileLocation:
			return p.location(b)
		case profileFunction:
			return p.function(b)
		case profileText:
			p.texts = append(p.texts, string(b))
		}
		return nil
	})
	return p, err
}

func (p *cpuProfile) sample(b []byte) error {
	var s stack
	var values []uint64
	err := eachField(b, func(field int, x uint64, packed []byte) error {
		switch field {
		case sampleLocation:
			return numbersIn(&s.locations, x, packed)
		case sampleValue:
			return numbersIn(&values, x, packed)
		}
		return nil
	})
	if err == nil && len(values) < 2 {
		return errProfile
	}
	if err == nil {
		s.seconds = float64(values[1]) / 1e9
		p.samples = append(p.samples, s)
	}
	return err
}

func (p *cpuProfile) location(b []byte) error {
	var id uint64
	var functions []uint64
	err := eachField(b, func(field int, x uint64, line []byte) error {
		switch field {
		case locationID:
			id = x
		case locationLine:
			return eachField(line, func(field int, x uint64, _ []byte) error {
				if field == lineFunction {
					functions = append(functions, x)
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = functions
	return err
}

func (p *cpuProfile) function(b []byte) error {
	var id uint64
	var name int64
	err := eachField(b, func(field int, x uint64, _ []byte) error {
		switch field {
		case functionID:
			id = x
		case functionName:
			name = int64(x)
		}
		return nil
	})
	p.functions[id] = name
	return err
}

// eachField walks a protocol buffer: x is the value of a number, b the bytes of
// anything else.
func eachField(data []byte, f func(field int, x uint64, b []byte) error) error {
	for len(data) > 0 {
		tag, n := binary.Uvarint(data)
		if n <= 0 {
			return errProfile
		}
		data = data[n:]
		var x uint64
		var b []byte
		switch tag & 7 {
		case 0:
			if x, n = binary.Uvarint(data); n <= 0 {
				return errProfile
			}
		case 1:
			n = 8
		case 2:
			size, head := binary.Uvarint(data)
			if head <= 0 || size > uint64(len(data)-head) {
				return errProfile
			}
			n = head + int(size)
			b = data[head:n]
		case 5:
			n = 4
		default:
			return errProfile
		}
		if n > len(data) {
			return errProfile
		}
		if err := f(int(tag>>3), x, b); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// numbersIn appends a repeated number: one, or a packed run of them.
func numbersIn(dst *[]uint64, x uint64, packed []byte) error {
	if packed == nil {
		*dst = append(*dst, x)
		return nil
	}
	for len(packed) > 0 {
		x, n := binary.Uvarint(packed)
		if n <= 0 {
			return errProfile
		}
		*dst, packed = append(*dst, x), packed[n:]
	}
	return nil
}

// frames returns the names of a stack's functions, innermost first.
func (p *cpuProfile) frames(s stack) []string {
	var names []string
	for _, l := range s.locations {
		for _, f := range p.locations[l] {
			if at := p.functions[f]; at >= 0 && at < int64(len(p.texts)) {
				names = append(names, p.texts[at])
			}
		}
	}
	return names
}

// top returns the n functions with the most time of their own.
func (p *cpuProfile) top(n int) []Function {
	all := map[string]*Function{}
	of := func(name string) *Function {
		name, _, _ = strings.Cut(name, "[")
		if all[name] == nil {
			all[name] = &Function{Name: name}
		}
		return all[name]
	}
	for _, s := range p.samples {
		names := p.frames(s)
		if len(names) == 0 {
			continue
		}
		of(names[0]).Self += s.seconds
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			of(name).Total += s.seconds
		}
	}
	var list []Function
	for _, f := range all {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Function) int {
		switch {
		case a.Self != b.Self:
			return -compare(a.Self, b.Self)
		case a.Name < b.Name:
			return -1
		}
		return 1
	})
	return list[:min(n, len(list))]
}

func compare(a, b float64) int {
	if a < b {
		return -1
	}
	return 1
}
