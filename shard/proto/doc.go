// Package proto is the gRPC service of a coordinator, as code made from
// coordinator.proto by `make proto`. Package rpc implements it; nothing else in the
// module needs to know that there is gRPC.
//
// generated.sha256 holds the digests of the source and of what was made of it, so a
// test can tell without any tool that somebody changed only one of them. `make
// proto-check` makes the code anew and compares.
package proto
