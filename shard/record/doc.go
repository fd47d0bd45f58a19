// Package record is what the commit log says, as values, bytes and names. It does no
// I/O: package commitlog stores the bytes, package core decides what they mean.
//
// A record is small, has one writer, and is put if absent: the first writer of a
// name wins, and nothing is ever changed. Names that are put this way are slots:
//
//	_quern/jobs/JOB/plan                      what is to be done; JOB is its digest
//	_quern/jobs/JOB/epoch/E                   who drives; the highest E is alive
//	_quern/jobs/JOB/phase-K/claim/SHARD       the shard is done, or failed for good
//	_quern/jobs/JOB/phase-K/fitted            what phase K taught, and what is next
//	_quern/jobs/JOB/manifest                  the job is done
//
// Everything large is a file with a name of its own per attempt, which is nothing
// until a record names it:
//
//	_quern/jobs/JOB/phase-K/file/SHARD.ATTEMPT.N    a partial, or a part of the output
//	_quern/jobs/JOB/phase-K/state.ATTEMPT           the fitted state
//	_quern/jobs/JOB/document.ATTEMPT                what readers will see as the manifest
//
// The bytes of a record, all of it covered by the checksum:
//
//	"qrec"  version  kind  job (16)  fields  SHA-256 of all before (32)
//
// Numbers are uvarints in their shortest form, texts and lists have their length in
// front, so equal records have equal bytes and any other bytes are an error: ErrTorn
// for damage, ErrForeign for a record of another job or kind, ErrVersion for a later
// format. Wrong bytes never panic, and never take more memory than they are long
// (times a small constant).
package record
