package kubelite

import "testing"

// TestExpand has the examples of Kubernetes' documentation of arguments.
func TestExpand(t *testing.T) {
	env := map[string]string{"A": "1", "B": "$(A)"}
	for from, want := range map[string]string{
		"":            "",
		"plain":       "plain",
		"$(A)":        "1",
		"x$(A)y$(A)":  "x1y1",
		"$$(A)":       "$(A)",
		"$$$(A)":      "$1",
		"$(MISSING)":  "$(MISSING)",
		"$(A":         "$(A",
		"$":           "$",
		"a$":          "a$",
		"$A":          "$A",
		"$(B)":        "$(A)",
		"$$(A) $(A) ": "$(A) 1 ",
	} {
		if got := expand(from, env); got != want {
			t.Errorf("%q became %q, want %q", from, got, want)
		}
	}
}
