// Package serve is the feature server: it answers look-ups of published views over HTTP.
//
//	Views (a store) --Reload--> generation --Pin--> request --Lookup--> Block --feast, /v1--> reply
//
// # Generations
//
// A generation is one version of every view. Each request pins one, so no reply mixes two.
// Generations looks at the store every moment; a new version is opened, read whole and
// checked while the old one serves, and then swapped in by one atomic pointer. Holders are
// counted: the last request of an old generation unmaps its files. A version that is
// damaged is refused, logged once and tried again later, and what was served goes on.
//
// # One port
//
// Server answers on one port, over HTTP/1.1 and HTTP/2 (with TLS, or in plain text by prior
// knowledge):
//
//	/get-online-features, /push, /write-to-online-store   Feast's HTTP calls (package feast)
//	/feast.serving.ServingService/...                     Feast's gRPC calls
//	/grpc.health.v1.Health/Check                          gRPC's health check
//	/v1/lookup                                            quern's own call, JSON
//	/health, /metrics                                     for machines that watch
//
// # Guarding
//
// A request goes through: a place (address, TLS 1.3 beyond this machine), a token, a body
// of bounded size within a bounded sum of bodies, a slot or a bounded queue for one, and a
// deadline. A slot is held while there is work to do, not while a slow client sends or
// reads. What is refused costs little: 401, 403, 413, 429 with Retry-After. A mistake of a
// client is never a 5xx; a panic is a 500, counted, and ends that request only.
package serve
