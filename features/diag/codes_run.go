package diag

// runCodes lists Q401 to Q499.
func runCodes() []Entry {
	var all []Entry
	for _, list := range [][]Entry{computeCodes(), partCodes(), outputCodes(), storeCodes(), jobCodes(), spillCodes()} {
		all = append(all, list...)
	}
	return all
}

// computeCodes are about values that a program meets.
func computeCodes() []Entry {
	return []Entry{
		{
			Code: "Q401", Class: BadData,
			Title:   "value that a step cannot compute",
			Explain: "A row holds a value for which a step of the recipe has no answer: an integer overflows, a text is not the number that it is cast to. A wrong or missing value would pass for a real one, so the run stops at the row.",
			Next:    "`quern explain MODEL --row N` shows a row's way through the steps. Mend the value where the file is written, keep such rows out with source.where, or tell the step what to do (cast: {on_error: null}).",
		},
	}
}

// partCodes are about the rows that are written.
func partCodes() []Entry {
	return []Entry{
		{
			Code: "Q420", Class: Usage,
			Title:   "string in a tensor",
			Explain: "Tensors hold numbers, and this feature or label is a string. Turning strings into numbers is a choice that changes what a model can learn, so quern does not make it.",
			Next:    "Encode the column (categorify, one_hot, hash_bucket), leave it out, or write Parquet.",
		},
		{
			Code: "Q421", Class: BadData,
			Title:   "null in a tensor of integers",
			Explain: "A null becomes NaN in a tensor of reals, but no integer means nothing: any that quern chose would be taken for a value.",
			Next:    "Put fill before it, encode it with categorify (which has an id for null), or write Parquet.",
		},
		{
			Code: "Q422", Class: Usage,
			Title:   "column name that an output cannot have",
			Explain: "With layout: columns every column names a file (.npy) or an array (safetensors), and this name has a slash, starts with a dot, or means something else in the format. A column of lists NAME has arrays of its own in every layout, NAME or NAME.values and NAME.offsets, and no other array may be called so.",
			Next:    "Rename the feature, or, unless it has lists, use layout: rows.",
		},
		{
			Code: "Q423", Class: BadData,
			Title:   "string or list too long for a Parquet page",
			Explain: "Pages of Parquet count their bytes in 31 bits, and most readers hold a page whole. A string of more than 1 GiB fits in none of them, nor does a list whose elements take so much.",
			Next:    "Shorten the strings (substr) or the lists (slice), or leave the column out.",
		},
		{
			Code: "Q424", Class: Failed,
			Title:   "too many row groups in one part",
			Explain: "Parquet numbers the row groups of a file in 15 bits. A part comes near to that only if one chunk of the source is enormous or its strings are very long.",
			Next:    "Split the source's file, or leave the longest strings out.",
		},
		{
			Code: "Q425", Class: Failed,
			Title:   "too many lists in one row group",
			Explain: "The lists of one column and one chunk of the source are written as one row group, whose elements are collected in memory. These have more bytes than fit there.",
			Next:    "Write the source with smaller row groups, or shorten the lists (`slice`, `pad`).",
		},
	}
}

// outputCodes are about the folders that are written.
func outputCodes() []Entry {
	return []Entry{
		{
			Code: "Q430", Class: Usage,
			Title:   "finished output in the way",
			Explain: "The folder holds a finished output, with its manifest. Somebody may be reading it, so quern touches nothing of it unless told to.",
			Next:    "Add --overwrite to replace it, or name another folder.",
		},
		{
			Code: "Q431", Class: Usage,
			Title:   "somebody else's file in the way",
			Explain: "A file in the folder has the name of a part, but neither a manifest nor an unfinished run of quern says that it is ours. It is not touched, with or without --overwrite.",
			Next:    "Name another folder, or move the file away.",
		},
		{
			Code: "Q432", Class: Unavailable,
			Title:   "no space left",
			Explain: "The disk, a quota or a limit on the size of files is exhausted. No half-written part is visible; the parts that were finished stay.",
			Next:    "Make space and run the same command again: it writes only what is missing.",
		},
		{
			Code: "Q433", Class: Unavailable,
			Title:   "folder that cannot be written",
			Explain: "The operating system refuses to make or write the folder: it belongs to somebody else, the disk is read-only, or something on its path is a file.",
			Next:    "Check the folder's owner and permissions (ls -ld), or name another one.",
		},
		{
			Code: "Q434", Class: Failed,
			Title:   "writing failed",
			Explain: "The operating system reported an error while an output was written or made durable. The message says which. No half-written part is visible; the parts that were finished stay.",
			Next:    "Check the disk, then run the same command again: it writes only what is missing.",
		},
		{
			Code: "Q435", Class: Unavailable,
			Title:   "output that another run is writing",
			Explain: "Another process holds the lock on the folder (_quern/lock). Two runs would remove each other's files. The lock ends with its process, however that ends.",
			Next:    "Wait until the other run has ended, or name another folder.",
		},
		{
			Code: "Q436", Class: Unavailable,
			Title:   "output of a job that many processes do",
			Explain: "The folder is claimed by a job whose log the message names. Its processes may be anywhere and hold no lock, so quern does not know whether they are at work.",
			Next:    "Look at it with quern job show. The command that began it finishes it; --overwrite takes the folder from it.",
		},
	}
}

// spillCodes are about statistics and strings that outgrow their place.
func spillCodes() []Entry {
	return []Entry{
		{
			Code: "Q460", Class: Unavailable,
			Title:   "statistics cannot be spilled",
			Explain: "A column has more distinct values than the memory budget holds, and the sorted part could not be written to the folder for temporary files. Counting only what fits would change the answer.",
			Next:    "Free space in that folder, name another one, or give the run more memory.",
		},
		{
			Code: "Q461", Class: Unavailable,
			Title:   "spilled statistics cannot be read back",
			Explain: "Statistics that were spilled to disk during this run cannot be read, or their checksum does not match what was written. The disk is at fault, so the run stops.",
			Next:    "Check the disk of the folder for temporary files, then run again.",
		},
		{
			Code: "Q462", Class: Failed,
			Title:   "vocabulary too large",
			Explain: "The values of a vocabulary that a feature learns are longer than 4 GiB together, which is what 32-bit offsets reach.",
			Next:    "Keep fewer of them: max_size, or min_count.",
		},
		{
			Code: "Q481", Class: Failed,
			Title:   "strings of a batch too long",
			Explain: "The strings that one feature makes of one batch are longer than 4 GiB together, which is what 32-bit offsets reach. Cutting them off would change the answer.",
			Next:    "Read the source in smaller batches, or shorten the strings first (substr, hash).",
		},
		{
			Code: "Q482", Class: Failed,
			Title:   "lists of a batch too long",
			Explain: "The lists that one feature makes of one batch have more than 2,147,483,646 elements together, which is what a 32-bit index reaches. Cutting them off would change the answer.",
			Next:    "Read the source in smaller batches, or pad to a shorter length.",
		},
	}
}
