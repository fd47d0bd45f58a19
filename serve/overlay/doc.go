// Package overlay keeps the rows that are pushed to a view, over its segments: in memory
// for look-ups, and in a write-ahead log for what comes after a crash.
//
// One server owns the overlay of a view, and one process has it open. Of the rows of a key
// the greatest by row.Layout.Compare stays: later event, later creation, higher sequence,
// greater contents. The overlay numbers rows as they come, from 1; the sequences of a log
// have no gaps. Rows are never deleted: a key that is to have no values is pushed with nulls,
// or left to the view's time to live.
//
// # What is promised
//
// Put returns when the rows are on disk (one fsync for all that wait) and can be looked up.
// Look-ups never wait for a disk or a lock, and never see a row that is not durable. Hence,
// whatever is killed or cut off: what was acknowledged is found after a restart; a Put is
// there with all its rows or with none; the row of a key only ever becomes greater.
// A Put that fails, or that a crash interrupts, may be found after a restart or not.
// To push the same rows again does no harm.
//
// A disk that is full fails Puts, Q672; look-ups go on, and Puts succeed again when there is
// space. When fsync fails nobody knows what is on the disk, and another fsync may succeed
// without having written anything: the log then takes no more writes, Q673, until the
// overlay is opened anew, which writes again what nobody knows about.
//
// # Look-ups
//
// Ask the segments first, then the overlay: Overlay.Lookup puts its row where there is none,
// or where its own is greater. That is the one place where the two are compared.
//
// # Compaction
//
//	seq, err := o.Snapshot(builder.Add)     and the rows of the segments, to the same builder
//	...                                      make the new segments durable and current
//	...                                      wait until no request holds the old segments
//	err = o.Trim(seq, "the new version")
//
// Trim notes in the log's folder that sequences up to seq are in segments, then forgets them
// and removes the files with nothing else. A request that asked old segments and a
// trimmed overlay would miss rows: hence the wait. Between the steps a crash leaves rows in both,
// which are equal.
//
// Where another folder was the overlay's before (its disk was lost, say), Begin tells how far
// sequences went there: those of a new log follow, so that later rows go on winning.
//
// # The folder
//
//	lock                        held by the process that has it open
//	checkpoint                  what Trim noted; replaced by renaming
//	wal-00000000000000000001    rows from that sequence on; the next file follows without a gap
//
// All numbers are little endian, all checksums CRC-32C. A file of rows is
//
//	header    "quernwal", version uint32, zeros uint32, id uint64, first uint64 (sequence),
//	          SHA-256 of the schema, zeros uint32, checksum uint32 of the header before it: 72 bytes
//	frames    one for each fsync, at multiples of 8:
//	          "qfrm", length uint32 of the rows, first uint64, id uint64, rows uint32,
//	          checksum uint32 of the rows, zeros uint32, checksum uint32 of the head before it: 40 bytes
//	          rows: for each the length of its heap uint32, the fixed part (base 0), the heap
//	          zeros up to a multiple of 8
//
// The id is random and the same in a file, so that rows cannot contain what looks like a frame.
// A frame is only written when the frame before it is durable. So a frame that is damaged is
// a torn tail, which nobody was told about, if no head of a frame follows, and no file that
// begins with a later sequence; in the last file it is cut. Otherwise it was acknowledged, and
// Open fails, Q671, with the file and the offset. Header and first frame of a file are written at once.
//
// The checkpoint is
//
//	"querncpt", version uint32, length uint32 of the note, sequence uint64,
//	note, checksum uint32 of all before it
package overlay
