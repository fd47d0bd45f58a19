package diag

// modelCodes lists Q301 to Q349.
func modelCodes() []Entry {
	return []Entry{
		{
			Code: "Q301", Class: BadData,
			Title:   "not a model",
			Explain: "The file does not start as a quern model does: it is something else, or its beginning is lost.",
			Next:    "Give the file that quern fit or quern run wrote, which ends in .quern.",
		},
		{
			Code: "Q302", Class: BadData,
			Title:   "damaged model",
			Explain: "The last bytes of a model file are the SHA-256 of all others, and they do not agree. A bit was flipped, or the file was cut or edited. quern never guesses what a model was.",
			Next:    "Copy the file again from where it was made, or fit again: the same rows give the same model.",
		},
		{
			Code: "Q303", Class: BadData,
			Title:   "model that cannot be used here",
			Explain: "The file is whole, but its programs do not verify, its version is another, or its golden rows give other values on this machine than where it was made. Serving it would give other features than training saw.",
			Next:    "Use the quern that made the model, or fit again with this one.",
		},
		{
			Code: "Q305", Class: BadData,
			Title:   "column of the model missing in the source",
			Explain: "The model's programs read a column that the source does not have. Only labels and kept columns may be missing.",
			Next:    "Give a source that has the column, or fit a model without it.",
		},
		{
			Code: "Q306", Class: BadData,
			Title:   "column of another type than in the model",
			Explain: "The model was fitted on a column of one type and the source has another. Converting it by guess could change every feature.",
			Next:    "For text sources, give the type with schema: in the recipe; else convert the column.",
		},
		{
			Code: "Q320", Class: BadData,
			Title:   "damaged output",
			Explain: "The manifest of an output holds the size and the SHA-256 of every file and of itself, and something does not agree: bytes changed, a file is missing, or a file lies beside the parts that a reader of the folder would take for one.",
			Next:    "Write the output again with --overwrite: the same rows and the same model give the same bytes.",
		},
		{
			Code: "Q321", Class: BadData,
			Title:   "unfinished output",
			Explain: "The manifest is written last, when every part is there and durable, and this folder has none: the run that writes it was interrupted or is still going on, or it is no output of quern. The parts that are there are whole, but others are missing.",
			Next:    "Run the same command again: it takes up the parts that are whole and writes the rest.",
		},
	}
}
