package model

// ProgramText returns the text of the program called name (where, taken, serving,
// training or extra) without the places in the recipe that it came from; ""
// where the model has no such program. Tables stand in it as digests.
func (m *Model) ProgramText(name string) string {
	for _, p := range m.programs() {
		if p.name == name && *p.program != nil {
			return (*p.program).WithoutOrigins().Text()
		}
	}
	return ""
}
