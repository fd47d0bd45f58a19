package diag

// segmentCodes lists Q651 to Q659: what is served, as rows in files.
func segmentCodes() []Entry {
	return []Entry{
		{
			Code: "Q651", Class: Usage,
			Title:   "keys or features that a view cannot have",
			Explain: "A view has at least one key column. Keys are integers, strings, bools, days or times: of floats, equal numbers may have different bits, and lists tell no rows apart. No name stands twice among the keys, or among the features, and there are limits of 64 keys and 65,536 features.",
			Next:    "Correct the keys or the features of the view.",
		},
		{
			Code: "Q652", Class: BadData,
			Title:   "row too large to be served",
			Explain: "The strings and lists of one row are longer than 256 MiB together. A row is read whole for a request, so it is more likely that the data is damaged than that this is wanted.",
			Next:    "Look at the row that the message names; leave the feature out of the view, or shorten it (substr, pad).",
		},
		{
			Code: "Q653", Class: Usage,
			Title:   "answer too large",
			Explain: "The strings or lists of one feature, for all keys of one request, are longer than 4 GiB, or have more than 2,147,483,647 elements.",
			Next:    "Ask for fewer keys at once.",
		},
		{
			Code: "Q654", Class: BadData,
			Title:   "damaged segment",
			Explain: "A segment holds the rows of a view that are served. This file is none, was cut or changed, or its checksums do not agree. Nothing of it is served.",
			Next:    "Let the server copy it from the store again, or publish the view again: the same rows give the same bytes.",
		},
		{
			Code: "Q655", Class: BadData,
			Title:   "segment of another version of quern",
			Explain: "The file is a segment of a format that this quern does not know.",
			Next:    "Use the quern that published the view, or publish it again with this one.",
		},
		{
			Code: "Q656", Class: Unavailable,
			Title:   "rows cannot be spilled",
			Explain: "The rows of a view are more than the memory budget holds, and sorted runs of them could not be written to the folder for temporary files, or not be read back as they were written.",
			Next:    "Free space in that folder, name another one, or give the command more memory.",
		},
		{
			Code: "Q657", Class: Unavailable,
			Title:   "keys that share a hash",
			Explain: "Very many different keys of a view fall on one place of its segment, so that looking one of them up would be slow. This does not happen by chance: the keys were chosen so.",
			Next:    "Publish again with another seed.",
		},
	}
}
