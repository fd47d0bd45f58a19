package phrase

import (
	"fmt"
	"time"
)

// Bytes writes a size with three digits: "512 B", "3.46 KiB", "128 MiB".
func Bytes(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n), 0
	for ; x >= 999.5 && unit < 4; unit++ {
		x /= 1 << 10
	}
	digits := 2
	for limit := 9.995; digits > 0 && x >= limit; limit *= 10 {
		digits--
	}
	return fmt.Sprintf("%.*f %s", digits, x, [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}

// Age writes how long ago something was, in the largest unit that it was one of: "12 s",
// "5 min", "3 h", "40 days". A time to come is "0 s".
func Age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return Counted(int(d.Hours()/24), "day")
}
