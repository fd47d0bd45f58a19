package stat

// Integers returns the count, the sum and the sum of squares of a Group that has
// seen nothing but integers whose sums fit machine words (labels, counts): the
// same as Moments, without allocating. ok is false for other Groups.
func (g Group) Integers() (n uint64, s1 int64, s2 uint64, ok bool) {
	return g.n, g.i1, g.i2, g.wide == nil
}
