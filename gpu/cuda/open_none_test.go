//go:build !(linux && cuda && cgo)

package cuda

import (
	"errors"
	"testing"
)

// opened returns a device for the tests that every driver passes.
func opened(t testing.TB) *Device {
	t.Helper()
	d, _ := faked(t)
	return d
}

func TestBuildsWithoutCUDASaySo(t *testing.T) {
	_, err := Open(0)
	var u *Unavailable
	if !errors.As(err, &u) || u.Reason != "this program is built without CUDA" || u.Fix == "" {
		t.Errorf("%v", err)
	}
}
