// Package feast speaks Feast's wire formats for a feature server: the HTTP calls
// /get-online-features, /push, /write-to-online-store and /health, and the messages
// of the gRPC services feast.serving.ServingService and GrpcFeatureServer (`feast
// listen`, which writes a row a call). It stores nothing: it looks up in a
// lookup.Server and pushes to a lookup.Writer.
//
// Requests are read and replies written by hand, from and to bytes, with no object
// per value and no reflection; memory is reused from request to request.
//
// The contract is Feast 0.67's Python server, as recorded (testdata/exchanges). What
// is different is so on purpose, and listed with the reasons in a test
// (differences_test.go). In short:
//
//   - A client's mistake is a 4xx with a body that Feast's SDK raises as an
//     exception. Feast answers many with a 500, which its SDK then repeats four times.
//   - Statuses are strict by default: NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE.
//   - Keys are coerced to their declared types or refused; none is cut or nulled.
//   - JSON is read without a Content-Type, too.
//   - The SDK sends the times of rows as event_timestamp and created, whatever the view
//     calls them: those names are taken where the view's own are not there. Feast's server
//     asks for the view's.
//   - GrpcFeatureServer answers a mistake with the status that it is (NOT_FOUND,
//     INVALID_ARGUMENT), where Feast says INTERNAL; its `to` may be left out.
//
// Numbers. A float32 is printed as the float64 that it is, as Feast does (0.1 becomes
// 0.10000000149011612): whoever parses it, as a double or as a float32, has the number
// of the training data, bit for bit. The shorter form (0.1) parses to another double,
// so it is an option. NaN and the infinities are the strings "NaN", "Infinity",
// "-Infinity", as in protobuf's JSON. Text that is not UTF-8 has U+FFFD in JSON and is
// bytes_val in protobuf.
package feast
