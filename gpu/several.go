package gpu

import (
	"errors"
	"sync/atomic"

	"quern/features/backend"
	"quern/features/program"
)

// Several is a back end of several devices, to which sessions go in turns: each worker has
// one. A batch is computed by one device, so that nothing needs to be merged between them.
type Several struct{ devices []*Backend }

// OpenSeveral opens the devices with these numbers. Options.Ordinal says nothing. The
// error is that of the first device that cannot be used; none is open then.
func OpenSeveral(ordinals []int, o Options) (*Several, error) {
	s := &Several{}
	for _, o.Ordinal = range ordinals {
		b, err := Open(o)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.devices = append(s.devices, b)
	}
	return s, nil
}

// Name returns the names of the devices.
func (s *Several) Name() string {
	name := ""
	for i, d := range s.devices {
		if i > 0 {
			name += ", "
		}
		name += d.Name()
	}
	return name
}

// Wholesale reports whether any device is left that wants programs whole.
func (s *Several) Wholesale() bool {
	for _, d := range s.devices {
		if d.Wholesale() {
			return true
		}
	}
	return false
}

// Compile compiles for every device. The error is that of program.Verify.
func (s *Several) Compile(p *program.Program) (backend.Executable, error) {
	x := &everywhere{}
	for _, d := range s.devices {
		one, err := d.Compile(p)
		if err != nil {
			return nil, err
		}
		x.on = append(x.on, one)
	}
	return x, nil
}

// Close gives the devices back. No session is in use any more.
func (s *Several) Close() error {
	var errs []error
	for _, d := range s.devices {
		errs = append(errs, d.Close())
	}
	return errors.Join(errs...)
}

// everywhere is a program that is compiled for several devices.
type everywhere struct {
	on   []backend.Executable
	next atomic.Uint64
}

// NewSession returns a session on the device whose turn it is.
func (x *everywhere) NewSession() backend.Session {
	return x.on[(x.next.Add(1)-1)%uint64(len(x.on))].NewSession()
}
