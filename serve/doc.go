// Package serve is the feature server: it answers look-ups of published views over HTTP.
//
//	live.Generations --Pin--> request --Lookup--> Block --feast, /v1--> reply
//	live.Overlays <--Write-- Rows <--feast, /v1-- push
//
// What is served, and where pushed rows go, is package live's. Each request pins one
// generation, so no reply mixes two.
//
// # One port
//
// Server answers on one port, over HTTP/1.1 and HTTP/2 (with TLS, or in plain text by prior
// knowledge):
//
//	/get-online-features, /push, /write-to-online-store   Feast's HTTP calls (package feast)
//	/feast.serving.ServingService/...                     Feast's gRPC calls
//	/GrpcFeatureServer/...                                those of `feast listen`
//	/feast.registry.RegistryServer/...                    what is served, for Feast's SDK (package registry)
//	/quern.v1.Features/Lookup                             quern's own call over gRPC: packed columns (packages packed, proto)
//	/grpc.health.v1.Health/Check                          gRPC's health check
//	/v1/lookup                                            quern's own call: JSON, tensors (package tensor), Arrow
//	/v1/push/VIEW                                         quern's own push, of values or of raw rows: JSON
//	/v1/transform/MODEL                                   features of raw rows (package transform), in the same forms
//	/v1/models                                            the models that compute them, their columns and features
//	/health, /metrics                                     for machines that watch (docs/monitoring)
//	/openapi.json                                         the calls over HTTP, described
//
// # Forms
//
// Requests of quern's own calls are JSON or, by their Content-Type, application/x-quern-tensor.
// The Accept header chooses the reply: application/json, application/x-quern-tensor (columns
// side by side; with the parameter layout=rows, rows) or application/vnd.apache.arrow.stream.
// What it does not name is 406. In an answer in Arrow, VIEW:status and VIEW:event_timestamp
// follow the features; in a tensor, statuses and event times are blocks. Quern-Versions names
// the versions that answered, Quern-Model and Quern-Model-Digest the model that computed.
//
// MODEL is a view, VIEW@VERSION, or a model without a view (Config.Models); it is that of the
// generation which the request pinned.
//
// # Pushes
//
// A push source is called like the view that it feeds. A push gives its slot to others while
// it waits for the disk. A disk that is full is 507 (Q672), which Feast's SDK does not repeat; a
// log that takes no more writes is 503 (Q673); too many rows in memory are 429 (Q676). What
// quern_overlay_sequence minus quern_overlay_compacted_sequence says is what other servers do
// not see yet. With a log that is damaged or another's (Q671, Q675) quern serve does not start.
//
// # Guarding
//
// A request goes through gates, each cheaper than what is behind it:
//
//	connection   TLS 1.3 beyond this machine; not too many, in total and of one address (package peers)
//	identity     a bearer token, or a client certificate by its URI (SPIFFE) or DNS name: 401 (package access)
//	rate         of the identity, in requests per second: 429
//	right        the route's, of some kind (access.Read, ...): 403
//	body         of bounded size, within a budget of all bodies: 413, 429
//	slot         or a place in a line: 429 at once if it would not be served in time (package gate)
//	rules        the views, columns and models that are named: 403; keys per second: 429;
//	             rows, features and their product: 413
//	deadline     of the work; of gRPC from the call's beginning on, the line included
//	reply        within a budget of what clients have still to take: 429
//
// What is not granted is denied. A route says what it needs, and one that does not is found
// at start. Handlers call access.MayRead, MayWrite or MayTransform once they know what is asked
// for, and access.Charge, for keys, where keys are used. Tests go through the table of routes:
// every call as everybody (TestAccess), over every limit (TestLimitsHold, TestRates), with
// spoiled bodies (TestSpoiled, FuzzRoutes); a route without a sample of a request fails them.
//
// A slot is held while there is work to do, not while a slow client sends or reads, and not
// while a push waits for the disk; nor does a slow client hold a generation. What would wait
// longer than Patience is refused before its body is read. What is too late when a slot comes
// free is not worked on, nor is what a client asked that went away meanwhile.
//
// A connection that sends what are no requests (pings, settings, headers without end), or
// requests that are mostly taken back or make no sense, is slowed down and then closed, and its
// address gets no new one for a second, then two, at most thirty. One address has at most half of the connections
// and half of the budgets. Package peers counts that.
//
// A mistake of a client is never a 5xx, and costs little; a panic is a 500, counted, and ends
// that request only.
//
// # Stopping and following
//
// A server that is stopped says that it is not healthy, and for Linger answers each
// connection's next request with the word that it closes (HTTP/1.1: Connection: close,
// HTTP/2: GOAWAY). Then it closes the port, and ends what is there. With ReusePort the next
// server listens on the same port before the old one is stopped: it takes all new connections
// from its first moment, so none waits at a port that closes (package port); so no client
// meets an error.
package serve
