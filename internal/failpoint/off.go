//go:build !failpoints

package failpoint

// On tells whether the program was built with the tag failpoints.
const On = false

// Point does nothing.
func Point(string) {}

// Err returns nil.
func Err(string) error { return nil }
