//go:build !race

package live_test

// raceEnabled: the race detector makes pools forget things on purpose.
const raceEnabled = false
