package gpu

// SetMost bounds the rows of a slice, so that small batches are several; 0: what fits.
func (b *Backend) SetMost(n int) { b.most = n }
