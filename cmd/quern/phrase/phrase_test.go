package phrase

import "testing"

func TestThousands(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -999: "-999", 1234567: "1,234,567"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestCounted(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 rows", 1: "1 row", 2: "2 rows", 1000: "1,000 rows", 1<<64 - 1: "18,446,744,073,709,551,615 rows"} {
		if got := Counted(n, "row"); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
