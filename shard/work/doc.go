// Package work is what a distributed job computes: it turns a recipe into a plan of
// shards, and does over the pipeline what the protocol (package core) asks for.
//
//	Plan      open the source, bind, cut into shards, claim the folders of the outputs
//	Open      take up a job that others planned: all that is needed is in its log
//	Compute   one shard of one phase: a partial, or parts of the outputs
//	Decode    the bytes of a partial
//	Freeze    the merged partial of a phase: what the next phase must know, or the model
//	Compose   the entries of all parts: the manifests, and the model where it was asked for
//
// What comes out has the bytes of a run in one process, manifests too: results depend on
// the job's spec alone, and where parts end depends on the source alone. Shards are runs of
// whole parts, so they are only about who does what.
package work
