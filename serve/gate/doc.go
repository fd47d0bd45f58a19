// Package gate bounds how many requests are worked on at one time, and lets others wait in a
// line, first come, first served.
//
//	Enter --> a slot --> work --> Leave
//	   \--> the line --> a slot, or ErrLate, ErrFull
//	   \--> ErrFull, ErrLate: at once
//
// A burst may wait for as long as patience says. A line that stands, which did not empty for
// as long, is no burst: then the server is asked for more than it can do, to wait helps
// nobody, and requests wait for a tenth of that only, until nobody was turned away for as
// long. Who cannot get a slot in time, judged by how long slots were taken of late, is told at
// once; so a refusal takes no time. A slot that comes free goes to the first for whom it is
// not too late; so what is worked on is still wanted.
package gate
