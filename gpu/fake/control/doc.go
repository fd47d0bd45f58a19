// Package control changes the settings of the fake driver that this process has
// loaded, and reads its report, while tests run: see gpu/fake. It is empty without the
// tag cuda.
package control
