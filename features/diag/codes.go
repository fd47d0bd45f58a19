package diag

import (
	"slices"
	"strings"
)

// Class decides the exit code of a command that ends with an error.
type Class int

// The classes, by exit code.
const (
	Failed      Class = 1 // the run failed, or a check found something
	Usage       Class = 2 // wrong flags, a wrong recipe
	BadData     Class = 3 // the data, a model or an output is damaged or not what was promised
	Unavailable Class = 4 // something that is needed is not there: disk space, memory, a device
)

// Entry explains a code.
type Entry struct {
	Code    Code
	Class   Class
	Title   string // a short noun phrase
	Explain string // what it means and why quern insists
	Next    string // what to do about it
}

// Catalogue returns every code, in ascending order. Each area of the project keeps
// its own list, in a file of its own beside this one.
func Catalogue() []Entry {
	var all []Entry
	for _, list := range [][]Entry{recipeCodes(), exprCodes(), dataCodes(), modelCodes(), runCodes(), commandCodes(), requestCodes(), packedCodes(), segmentCodes(), viewCodes(), overlayCodes(), auditCodes(), clientCodes()} {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return all
}

// Lookup returns the entry of code, or false.
func Lookup(code Code) (Entry, bool) {
	for _, e := range Catalogue() {
		if e.Code == code {
			return e, true
		}
	}
	return Entry{}, false
}
