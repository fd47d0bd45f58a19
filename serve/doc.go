// Package serve will answer feature look-ups online, with the serving program of a
// model (pipeline/model). It is not written yet.
package serve
