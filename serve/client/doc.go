// Package client asks a feature server (quern serve) from Go.
//
//	c, err := client.New("http://127.0.0.1:6566", client.Options{Token: token})
//	table, err := c.Lookup(ctx, &client.Request{View: "drivers", Keys: []client.Column{client.Of("driver_id", []int64{1001, 1002})}})
//	rates, err := client.Values[float32](table.Column("rate"))
//
// or with structs, whose fields have the names of columns in tags:
//
//	type Driver struct {
//		ID   int64    `quern:"driver_id"`
//		Rate *float32 `quern:"rate"` // nil: null, not found, or too old
//	}
//	drivers, err := client.Into[Driver](table)
//
// Tables travel as packed tensors (package tensor): numbers are the server's, bit for bit,
// with their types.
//
// # Calls
//
// Every call ends with its context; one without a deadline gets Options.Timeout. A server
// that has too much to do, or is going down (429, 503), and a connection that broke are
// tried again, Options.Retries times, after the time that the server asks for or else a
// growing one, with some chance in it, and never beyond the deadline. To ask again is safe:
// look-ups change nothing, and of equal pushed rows one stays.
//
// # Errors
//
// Whatever the server refuses is an *Error with its HTTP status, its words and its code in
// quern's catalogue (`quern explain Q607`). Errors of the client's own are *diag.Error: Q693
// where the server could not be reached, Q694 where its reply made no sense, and Q695 where
// the call did not.
package client
