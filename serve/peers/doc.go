// Package peers is the guard of connections, below HTTP: it counts what each address holds
// here, ends connections of clients that abuse them, and knows of net/http's ways with a
// connection what costs time.
//
//	Listener --Accept--> Conn --WithConn--> context of a request --Of--> Conn, Peer
//
// # Counting
//
// One address has at most half of the connections, and half of a Budget: the bytes of
// bodies or replies that are held for it, which its Peer counts. What is beyond is closed at once: waiting for a place
// would stop those who have one.
//
// A Conn knows how many bytes it read and how many its requests needed. A client that sends
// what are no requests (pings, settings, headers without end) is first slowed down and then
// closed; so is one whose requests are mostly made in vain. Its address gets no new connection
// for a second, then two, at most thirty.
//
// # One write for a reply
//
// net/http sends a reply of HTTP/1 that is longer than its buffer as two writes: its buffer's
// worth, and the rest. Each is a system call, a segment, and a client that wakes. Conn.Reply
// holds the first until the second comes, and sends both as one writev. Nothing is held when
// it returns, whatever became of the reply.
//
// # No watch
//
// net/http watches the client of each request of HTTP/1 while a handler works: a goroutine
// reads one byte, and is interrupted by a deadline when the reply is sent. Each request pays
// for that with switches of goroutines, a read that finds nothing and two changes of a
// deadline, so that the context of one whose client went away is cancelled. Requests here take
// less time than to find that out, but for those that wait in a line. So a Conn answers the
// watch at once with no byte and no error, which ends it, and who had to wait asks Gone when
// its turn comes. A request's context is thus not cancelled when its client of HTTP/1 in plain
// text goes away; over HTTP/2 and TLS it is.
package peers
