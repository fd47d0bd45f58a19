// Package live is what is served: generations of view versions that follow a store, and the
// rows that are pushed to them. How it is asked for is package serve's.
//
//	Views (a store) --Reload--> Generation --Pin--> request --Lookup--> Block
//
// # Generations
//
// A generation is one version of every view. Each request pins one, so no reply mixes two.
// Generations looks at the store every moment; a new version is opened, read whole and
// checked while the old one serves, in small turns with rests between them, so that requests
// come first (internal/background), and then swapped in by one atomic pointer. Holders are
// counted: when the last request of an old generation has let go, its files are unmapped, by
// a goroutine of their own. A version that is damaged is refused, logged once and tried again
// later, and what was served goes on.
//
// The Views of a server is mostly Published, a store of package view.
//
// # Pushes
//
// One server owns the pushed rows of a store's views: the one with an Overlays, whose folder
// one process at a time has. A view has an overlay (package overlay) over its segments.
//
//	push --> Rows --Overlays.Write--> log (fsync), memory --> acknowledged, seen by all later requests
//	                                        |
//	            Overlays.Run: segments + overlay --Compactor--> next version --Reload--> Generation --Trim
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
// follow by the versions: what lies between Trimmed and Durable of overlay.Stats is what they do
// not see yet. Nothing is compacted when a server stops: the log has all.
//
// Rows have the columns of the version that is served. A version of other columns has an
// overlay of its own. Rows that were pushed to the old ones are not converted, as nobody knows
// what a new feature would be; they wait, in the log and in versions, and are served again if
// a version of their columns is, as after a rollback.
//
// A log that is damaged (Q671) or belongs to another process (Q675) keeps the view from being
// served, as answers would lack rows that were acknowledged: see Overlays.Refused. A disk that is
// full fails pushes (Q672) until there is space; after a failed fsync (Q673) nobody knows what is
// on the disk, so pushes fail until the server is started again; and they fail while too many rows
// are in memory (Q676). Look-ups go on in all cases.
package live
