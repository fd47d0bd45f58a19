//go:build race

package transform_test

// raceEnabled: the race detector allocates.
const raceEnabled = true
