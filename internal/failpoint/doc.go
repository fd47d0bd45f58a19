// Package failpoint names the moments at which tests break a process: before and after
// every step that a store, another process or a reader can see.
//
// Without the build tag failpoints its functions are empty and cost nothing. With it the
// environment says what is to happen:
//
//	QUERN_FAILPOINT=NAME[:N][=ACTION]  at the N-th passage (default 1) through NAME;
//	                                   several of them are separated by commas
//	QUERN_FAILPOINT_LOG=FILE           append a line "PID NAME" for every passage
//
// The actions: kill (the default: SIGKILL), stop (SIGSTOP), exit (code 1), sleep:MS, and
// error, which only Err can do; at a Point it does nothing.
//
// Names are string constants of the form failpoint:WHAT.before or failpoint:WHAT.after,
// so that the points of a program can be read out of its binary (Names), and a point
// that no test breaks cannot hide.
package failpoint

import (
	"regexp"
	"slices"
)

// Names returns the names of the points that a program contains, in order, given the
// bytes of its binary. A binary has its strings one behind the other without anything
// between them, so a name ends where the first .before or .after does.
func Names(binary []byte) []string {
	var names []string
	for _, found := range regexp.MustCompile(`failpoint:[a-z]+(?:[.-][a-z]+)*?\.(?:before|after)`).FindAll(binary, -1) {
		names = append(names, string(found))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
