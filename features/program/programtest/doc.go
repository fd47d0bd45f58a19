// Package programtest makes random programs and random batches, and runs programs
// by their scalar meaning. Tests of back ends compare with it: Run says what leaves and
// which fault is reported, Tuples what a statistic that observes outputs must see.
//
// Everything follows from the generator that is passed in: a failure is rerun from
// its seed.
package programtest
