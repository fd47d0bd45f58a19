package diag

// overlayCodes lists Q671 to Q684: rows that are pushed.
func overlayCodes() []Entry {
	return []Entry{
		{
			Code: "Q671", Class: BadData,
			Title:   "damaged log of pushed rows",
			Explain: "The write-ahead log of an overlay holds rows whose push was acknowledged. The file that the message names is not what was written, at the byte that it names, or files before it are missing. Nothing is skipped in silence, so the overlay is not opened. A last write that a crash cut off is no damage: nobody was told that it succeeded.",
			Next:    "Restore the folder from a copy. To go on without the rows from there on, move the file and those behind it away, and push what they held again.",
		},
		{
			Code: "Q672", Class: Unavailable,
			Title:   "pushed rows cannot be written",
			Explain: "The disk of the write-ahead log is full, or a write to it failed. These rows were not added; everything that was acknowledged is safe, and look-ups go on.",
			Next:    "Free space on that disk, then push the rows again; the server needs no restart.",
		},
		{
			Code: "Q673", Class: Unavailable,
			Title:   "log of pushed rows takes no more writes",
			Explain: "The disk failed to make the write-ahead log durable (fsync). What it has of the last rows is not known, and trying again could report success for bytes that are gone, so the log refuses further writes. Look-ups go on with everything that was acknowledged.",
			Next:    "Check the disk (the kernel's log says more), then restart the server.",
		},
		{
			Code: "Q674", Class: Unavailable,
			Title:   "pushed rows of another schema",
			Explain: "The overlay's log holds rows of a view with other keys or features than the version that is served.",
			Next:    "Push them again with the columns of the present version. The old ones wait in the log for a version of their columns, as after a rollback.",
		},
		{
			Code: "Q675", Class: Unavailable,
			Title:   "overlay in use",
			Explain: "One process at a time owns the overlay of a view, and another one has it open.",
			Next:    "Stop the other server, or send pushes to it.",
		},
		{
			Code: "Q676", Class: Unavailable,
			Title:   "too many pushed rows",
			Explain: "The rows that were pushed and are not yet in segments are held in memory, up to a limit; or one push has more than 512 MiB of rows.",
			Next:    "Wait for the compaction; push fewer rows at once; or give the overlay more memory. The server's log says why a compaction fails.",
		},
		{
			Code: "Q677", Class: Usage,
			Title:   "pushed rows of columns that are served no longer",
			Explain: "While the rows were on their way, another version of the view took the place of the one that they were made for, and it has other keys or features.",
			Next:    "Push them again, with the columns of the present version.",
		},
	}
}
