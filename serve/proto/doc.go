// Package proto is the gRPC service quern.v1.Features, as code made from features.proto
// by `make proto`: for clients. The server (package serve) reads and writes the same
// bytes by hand, and its tests hold the two against each other.
//
// generated.sha256 holds the digests of the source and of what was made of it, so a
// test can tell without any tool that somebody changed only one of them. `make
// proto-check` makes the code anew and compares.
package proto
