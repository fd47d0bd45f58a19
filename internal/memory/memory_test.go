package memory

import "testing"

// TestPeakRises by about what is allocated and touched.
func TestPeakRises(t *testing.T) {
	before := Peak()
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	if after := Peak(); before <= 0 || after < before+48<<20 || after > before+512<<20 {
		t.Errorf("%d bytes before, %d after 64 MiB", before, after)
	}
	if Held() < int64(len(block)) {
		t.Errorf("%d bytes held", Held())
	}
	block[0] = 2
}
