package phrase

import (
	"math"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.00 KiB", 10234: "9.99 KiB", 10235: "10.0 KiB", 1<<20 - 1: "1.00 MiB",
		100 << 10: "100 KiB", 1000 << 10: "0.98 MiB", 5 << 30: "5.00 GiB", math.MaxInt64: "8388608 TiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0 s", 59900 * time.Millisecond: "59 s", 90 * time.Minute: "1 h", time.Hour - 1: "59 min", 47 * time.Hour: "47 h", 49 * time.Hour: "2 days",
	} {
		if got := Age(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
