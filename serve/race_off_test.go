//go:build !race

package serve

// raceEnabled: the race detector makes pools forget things on purpose.
const raceEnabled = false
