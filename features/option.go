package features

// OptionSetter is implemented (on the pointer) by option types that accept more
// than one shape in a recipe, such as fill's `with: median` or `with: 0`.
type OptionSetter interface {
	// SetOption takes nil, bool, Literal, string, []any (of the same) or
	// map[string]any. Its error is a plain sentence; the decoder adds the place.
	SetOption(v any) error
}

// OptionGetter is the inverse of OptionSetter: Option returns a value that
// SetOption takes and that makes an equal option. Encode asks for it.
type OptionGetter interface {
	Option() any
}

// Chooser is implemented by option types with an underlying string that hold one
// of a few words. Decode refuses others, and proposes the nearest.
type Chooser interface {
	// Choices returns the words, in the order in which they are listed for people.
	Choices() []string
}

// Literal is a number as it was written, so that 0.01 stays 1/100.
type Literal string

// ColumnName is the type of an option that names a source column, a label or an
// earlier feature ("features.NAME"). The place of each in the recipe is kept, so an
// unknown one is shown where it was written.
type ColumnName string
