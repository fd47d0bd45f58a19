// Command serving measures the feature server against Feast's: look-ups of 50 float32
// features of 100, 10 and 1 entities, over Feast's JSON and gRPC and quern's own packed
// form, at one and at eight connections and at given rates, with tokens, a time to live and
// metrics on. Client, server and store share this machine.
//
//	data      a table of entities, whose every value is a function of its place   data.go
//	publish   quern fit, quern publish, quern serve: processes                     server.go
//	check     every answer, bit for bit, before anything is timed                  check.go
//	measure   closed loop, open loop, a swap of versions under load                load.go, swap.go
//	beside    Feast's own server and Redis, on the same data, in the same run      feast.go
//	report    bench/results/serving.json and docs/SERVING_SPEED.md                 result.go, page.go
//
//	go run ./bench/serving [-rounds 3] [-seconds 4]
//	go run ./bench/serving -quick     a moment, on few entities, without Feast: whether it works
//	go run ./bench/serving -page      the document, of the committed figures
package main
