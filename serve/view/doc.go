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
// removes it after the grace time, as it does with versions that are no longer kept. Where
// the newest pointer is damaged nobody knows what is served; Promote of a version that is
// named writes the next one, and that ends it.
//
// # Pushed rows
//
// Rows that are pushed have numbers, their sequences; those that are published have none. Compact
// makes a version of the one that is served and of rows that were pushed since: same model,
// same columns, and for each key the greatest row. It takes the place of that version in the
// pointer, so a rollback goes to the publish before. Its manifest says what it was made of.
// Publishing, promoting and rolling back do not wait for compactions and are not undone by
// them: the next state notes, as Carried, which versions have pushed rows that the one it
// serves lacks. Servers show those rows over it, until a compaction takes them in. Versions
// whose rows a compaction took over lose their segments after a quarter of an hour.
//
// # Mirrors
//
// Segments are mapped, so those of a store that is not of this disk are copied first. A copy
// has its name once it is whole, durable and checked. One that is found is checked by its
// digest, and replaced where it is wrong. Processes may share a mirror.
//
// # Rows
//
// The latest row of a key by the model's event time wins; of several of one time, one that
// their contents decide, whatever the order of the source. Rows with a null in their
// key are counted and left out. Numbers are those of the model's Parquet output, bit for bit.
// A feature may have the name of a column of the key.
package view
