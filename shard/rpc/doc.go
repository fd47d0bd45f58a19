// Package rpc is the coordinator's gRPC service (package proto): a Server in front of
// coordinators, and the Client by which tasks ask them.
//
// # What is believed
//
// Nobody, until shown. Over TLS 1.3 a caller is who its certificate says (package
// identity); without TLS only processes of the same machine are let in, by tokens that
// the server was given. What a role may call is a table (rules.go) that must cover what
// is registered, or the server does not start. A worker speaks of its job and of its
// shards, and its claims name files of its own attempts. Every field is checked before
// it is used, and errors carry reasons and field names, never values.
//
// # What is bounded
//
// A request passes the gate (gate.go) before a byte of its body is kept:
//
//	identity    who is it?               UNAUTHENTICATED
//	rule        may that role do this?   PERMISSION_DENIED
//	rate        tokens in its bucket?    RESOURCE_EXHAUSTED, with the time to wait
//	room        a slot of the class?     RESOURCE_EXHAUSTED, with the time to wait
//	deadline    the caller's, or ours if that is sooner
//
// Bodies that are on their way have few slots, so memory is bounded by slots times the
// largest message. Partials are kept within a budget (partials.go); past it they are
// acknowledged as not kept, and the coordinator reads them from the store.
//
// # What may be lost
//
// Everything. The truth is the log, which tasks can reach without us: the client
// answers or fails soon, and a task without an answer goes to the store.
package rpc
