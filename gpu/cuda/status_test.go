package cuda

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestJudge(t *testing.T) {
	good := Info{Name: "A", Compute: Compute{7, 5}}
	old := Info{Name: "B", Compute: Compute{7, 0}}
	for name, c := range map[string]struct {
		f       found
		missing string
		broken  bool
	}{
		"without CUDA":          {found{}, "this program is built without CUDA", false},
		"without, with a GPU":   {found{hardware: true}, "this program is built without CUDA", true},
		"no driver":             {found{built: true, loading: "why"}, "no NVIDIA driver (why)", false},
		"no driver for a GPU":   {found{built: true, loading: "why", hardware: true}, "no NVIDIA driver (why)", true},
		"switched off":          {found{built: true, off: true, hardware: true}, "switched off by QUERN_GPU=0", false},
		"no device":             {found{built: true, library: "x", code: 100}, "the driver sees no GPU", false},
		"no device, with a GPU": {found{built: true, library: "x", code: 100, hardware: true}, "the driver sees no GPU", true},
		"not ready":             {found{built: true, library: "x", code: 802}, "the driver is not ready", true},
		"unknown":               {found{built: true, library: "x", code: 999, name: "N"}, "the driver does not start (N)", true},
		"other":                 {found{built: true, library: "x", code: 7, name: "N"}, "the driver does not start: N (7)", true},
		"old driver":            {found{built: true, library: "x", driver: 12030, devices: []Info{good}}, "the driver is too old: it supports CUDA 12.3, kernels need 12.4", true},
		"old device":            {found{built: true, library: "x", driver: 12040, devices: []Info{old}}, "B is too old: compute capability 7.0, kernels need 7.5", false},
		"one old device":        {found{built: true, library: "x", driver: 12040, devices: []Info{old, good}}, "", false},
	} {
		r := c.f.judge()
		if r.Missing != c.missing || r.Broken != c.broken || (r.Fix == "") != (c.missing == "") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	r := found{built: true, library: "x", driver: 12040, devices: []Info{old, good}}.judge()
	for ordinal, works := range map[int]bool{-1: false, 0: false, 1: true, 2: false} {
		var u *Unavailable
		if _, err := r.choose(ordinal); (err == nil) != works || !works && (!errors.As(err, &u) || u.Fix == "") {
			t.Errorf("choose(%d): %v", ordinal, err)
		}
	}
}

func TestHardware(t *testing.T) {
	for _, c := range []struct {
		vendor, class string
		want          bool
	}{{"0x10de\n", "0x030200\n", true}, {"0x10de\n", "0x040300\n", false}, {"0x1002\n", "0x030000\n", false}} {
		bus := t.TempDir()
		slot := filepath.Join(bus, "0000:01:00.0")
		check(t, os.Mkdir(slot, 0o700))
		check(t, os.WriteFile(filepath.Join(slot, "vendor"), []byte(c.vendor), 0o600))
		check(t, os.WriteFile(filepath.Join(slot, "class"), []byte(c.class), 0o600))
		if hardware(bus) != c.want {
			t.Errorf("%q %q: not %v", c.vendor, c.class, c.want)
		}
	}
}

func TestErrorsReadWell(t *testing.T) {
	e := &Error{Call: "cuMemAlloc", Code: 2, Name: "CUDA_ERROR_OUT_OF_MEMORY"}
	if e.Error() != "cuMemAlloc: CUDA_ERROR_OUT_OF_MEMORY (2)" || !errors.Is(e, ErrOutOfMemory) || e.fatal() {
		t.Error(e)
	}
	if e := (&Error{Call: "cuModuleLoadData", Code: 218, Name: "CUDA_ERROR_INVALID_PTX", Detail: "line 3"}); e.Error() != "cuModuleLoadData: CUDA_ERROR_INVALID_PTX (218): line 3" || errors.Is(e, nil) {
		t.Error(e)
	}
}
