package memory

// Zeros returns n zeros for a table that is probed before it is written. Memory fresh
// from the system is zero already, but each page that is read first and written later
// costs two faults there, and the second one stops the other threads to tell them: this
// writes it at once.
func Zeros(n int) []uint64 {
	slots := make([]uint64, n)
	clear(slots)
	return slots
}
