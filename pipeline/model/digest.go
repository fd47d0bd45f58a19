package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"quern/features/program"
)

// named is a program of the model with its name in the file.
type named struct {
	name    string
	program **program.Program
}

// programs lists the model's programs in the order of the file.
func (m *Model) programs() []named {
	return []named{{"where", &m.Where}, {"taken", &m.Taken}, {"serving", &m.Serving}, {"training", &m.Training}, {"extra", &m.Extra}}
}

// Digest identifies what was learnt: the columns that are read, the fitted
// numbers, vocabularies and programs. Paths, times, the recipe's layout and the
// order of files or rows are not in it. SHA-256, hex.
func (m *Model) Digest() string {
	h := sha256.New()
	fmt.Fprintf(h, "quern model %d\n", Version)
	lines := make([]string, len(m.Schema))
	for i, f := range m.Schema {
		lines[i] = fmt.Sprintf("column %q %v\n", f.Name, f.Type)
	}
	slices.Sort(lines)
	fmt.Fprint(h, strings.Join(lines, ""))
	fmt.Fprintf(h, "key %q time %q sizes %v\n", m.Key, m.Time, m.Sizes)
	for _, s := range m.Learnt {
		s.Path = "" // where in the recipe it stands teaches nothing
		text, err := json.Marshal(s)
		if err != nil {
			panic("quern: bug: learnt numbers do not encode: " + err.Error())
		}
		fmt.Fprintf(h, "learnt %s\n", text)
	}
	for _, p := range m.programs() {
		if *p.program != nil {
			fmt.Fprintf(h, "program %s\n%s", p.name, (*p.program).WithoutOrigins().Text())
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
