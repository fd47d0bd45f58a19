// Package port lets one server follow another on a port, without a moment between them: both
// listen, and connections come to one of them.
//
//	first:   Listen ...................................... Leave, Close
//	second:                 Listen ................................................
//	connections go to the first, from here on to the second
//
// The kernel would spread new connections over all sockets of a port, and reset those that
// wait to be accepted by one that closes. So who comes last takes all new connections from its
// first moment on, and who leaves while an older one is still there gives them back to that
// one. All sockets are of one user (SO_REUSEPORT). Only Linux can do this.
package port
