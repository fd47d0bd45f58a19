package live

// Gone is closed when nobody holds g, and its segments are released.
func (g *Generation) Gone() <-chan struct{} { return g.gone }

// TryAgain lets the next Reload try a version that was refused.
func (g *Generations) TryAgain(name Name) { g.refused[name] = refusal{} }
