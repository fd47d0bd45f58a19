// Package serve is the feature server: it answers look-ups of published views over HTTP.
//
//	Views (a store) --Reload--> generation --Pin--> request --Lookup--> Block --feast, /v1--> reply
//
// # Generations
//
// A generation is one version of every view. Each request pins one, so no reply mixes two.
// Generations looks at the store every moment; a new version is opened, read whole and
// checked while the old one serves, in small turns with rests between them, so that requests
// come first (internal/background), and then swapped in by one atomic pointer. Holders are
// counted: when the last request of an old generation has let go, its files are unmapped, by
// a goroutine of their own. A version that is
// damaged is refused, logged once and tried again later, and what was served goes on.
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
// One server owns the pushed rows of a store's views: the one with an Overlays, whose folder
// one process at a time has. A view has an overlay (package overlay) over its segments.
//
//	push --> Rows --Overlays.Write--> log (fsync), memory --> acknowledged, seen by all later requests
//	                                        |
//	            Overlays.Run: segments + overlay --Compactor--> next version --Reload--> generation --Trim
//
// A generation pins the layers of a view: a version, over it the pushed rows of versions that
// this one lacks, over these the overlay. Of each key the row with the latest (event time,
// creation time, sequence) is served, wherever it is, so a pushed row outlives a publish or a
// rollback unless its event is older than that of the row published. A row that has lost when
// it is compacted is gone. Staged versions show what was published alone.
//
// A compaction begins when the overlay is large, or its rows have waited for Every. Its version
// is served by the usual Reload; when no request holds an older generation the overlay forgets
// those rows. So a request finds each row in at least one layer. Servers without an overlay
// follow by the versions: what quern_overlay_sequence minus quern_overlay_compacted_sequence
// says is what they do not see yet. Nothing is compacted when a server stops: the log has all.
//
// Rows have the columns of the version that is served. A version of other columns has an
// overlay of its own. Rows that were pushed to the old ones are not converted, as nobody knows
// what a new feature would be; they wait, in the log and in versions, and are served again if
// a version of their columns is, as after a rollback.
//
// A log that is damaged (Q671) or belongs to another process (Q675) keeps the view from being
// served, as answers would lack rows that were acknowledged; quern serve does not start then. A disk
// that is full fails pushes (Q672, 507, which Feast's SDK does not repeat) until there is space;
// after a failed fsync (Q673, 503) nobody knows what is on the disk, so pushes fail until the
// server is started again; too many rows in memory are 429 (Q676). Look-ups go on in all cases.
//
// A push source is called like the view that it feeds. A push gives its slot to others while
// it waits for the disk.
//
// # Guarding
//
// A request goes through gates, each cheaper than what is behind it:
//
//	connection   TLS 1.3 beyond this machine; not too many, in total and of one address
//	identity     a bearer token, or a client certificate by its URI (SPIFFE) or DNS name: 401
//	rate         of the identity, in requests per second: 429
//	right        the route's, of some kind (rightRead, ...): 403
//	body         of bounded size, within a budget of all bodies: 413, 429
//	slot         or a place in a line: 429 at once if it would not be served in time
//	rules        the views, columns and models that are named: 403; keys per second: 429;
//	             rows, features and their product: 413
//	deadline     of the work; of gRPC from the call's beginning on, the line included
//	reply        within a budget of what clients have still to take: 429
//
// What is not granted is denied. A route says what it needs, and one that does not is found
// at start. Handlers call mayRead, mayWrite or mayTransform once they know what is asked for,
// and charge, for keys, where keys are used. Tests go through the table of routes: every call
// as everybody (TestAccess), over every limit (TestLimitsHold, TestRates), with spoiled bodies
// (TestSpoiled, FuzzRoutes); a route without a sample of a request fails them.
//
// Files of tokens and certificates are read again while the server runs. One that cannot be
// used is refused, logged once, and the old one goes on. A request asks what holds now, so who
// is taken out of the file is out with the next one; a rate goes on where it was.
//
// A slot is held while there is work to do, not while a slow client sends or reads, and not
// while a push waits for the disk; nor does a slow client hold a generation. The line is
// first come, first served. What would wait longer than Patience, judged by how long slots
// were taken of late, is refused without waiting, before its body is read; if the line did
// not empty for as long, the load is no burst, and the limit is a tenth until nobody was turned
// away for as long. What is too late when a slot comes free is not worked on, nor is what a
// client asked that went away meanwhile.
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
// from its first moment, so none waits at a port that closes (guard_port_linux.go); so no
// client meets an error.
package serve
