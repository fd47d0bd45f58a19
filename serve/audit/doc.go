// Package audit keeps a sampled log of the features that were served, and checks it: it
// computes offline, from the source, what should have been served, and compares every bit.
//
//	request -> Block --Log.Served--> queue --> one writer --> VIEW/VERSION/TIME-NUMBER.parquet
//	                                                               |
//	source --model's program--> rows of the logged keys --Check--> Report
//
// # The log
//
// A row is one key that was looked up in one view. Keys are sampled by their hash, so a key
// is always in the log or never, in all views that have it: its history is whole. Served
// never waits: what the queue has no room for is counted and left out.
//
// A file holds rows of one version of one view:
//
//	request_time   when it was answered, by the server's clock for times to live
//	view, version  what answered
//	rules          whose statuses: strict, feast-python or feast-go, +keep-stale
//	caller         name of the token; null unless Options.Callers
//	pushed         the row is one that was pushed, not one of the published version
//	event_time     of the row; null where there is none
//	key__NAME      of each column of the key
//	value__NAME    of each feature of the view, as the client got it: null where it got null
//	status__NAME   of each feature: PRESENT, NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE; null
//	               where the request did not ask for the feature
//
// A file appears whole, under its final name, when it is large or old enough, and at Close.
// A process that is killed loses what it had not written yet, and nothing else; what it left
// half-written is removed by the next one.
//
// # Privacy
//
// The log has keys of entities and their features. Who asked is not in it, unless
// Options.Callers says so. Files are removed once they are older, or all of them larger,
// than Options say; the folder is made readable for its owner alone.
package audit
