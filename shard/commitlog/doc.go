// Package commitlog does what package core says to a store: it puts, reads, lists and
// publishes, and tells apart what was done, what surely was not, and what nobody can
// know. The log itself is described in package record.
package commitlog
