package lookup

import "quern/features/diag"

// Clip shortens what a client sent before it goes into a message.
func Clip[S ~string | ~[]byte](s S) string {
	const most = 120
	if len(s) > most {
		return string(s[:most]) + "..."
	}
	return string(s)
}

// Named is the place of a mistake that has only a name: of a view, a feature, a service, a key.
func Named[S ~string | ~[]byte](name S) diag.Data {
	return diag.Data{RowGroup: -1, Row: -1, Column: Clip(name)}
}
