// Package view keeps versions of views in a store: what a model makes of a source, one
// row for each key, ready to be looked up. A version is built, verified, written, and
// then pointed at; it never changes. Whoever serves it pins one version at a time.
//
// # In the store
//
//	views/NAME/versions/VERSION/segment-00000   one file for each shard (package segment)
//	views/NAME/versions/VERSION/model.quern     the model whose rows these are
//	views/NAME/versions/VERSION/manifest.json   written last: what is in the version
//	views/NAME/pointer/0000000001.json          which version is served: the highest number
//	                                            holds, the others are its past
//
// Every one is an object that is put if it is absent, and never replaced. So one of several
// writers of the next pointer wins, on any store, and a reader sees one state or the next.
// A version is named after the moment it was begun, UTC, and 32 random bits:
// 20010601-093000-1f2e3d4c. Manifests and pointers are JSON with a seal, as those of outputs.
//
// What a process that died left behind has no manifest, or no pointer names it; Collect
// removes it after the grace time, as it does with versions that are no longer kept.
//
// # Rows
//
// The latest row of a key by the model's event time wins; of several of one time, one that
// their contents decide, whatever the order of the source. Rows with a null in their
// key are counted and left out. Numbers are those of the model's Parquet output, bit for bit.
package view
