package diag

// rawCodes are about raw rows, whose features are computed on request, and about tensors.
func rawCodes() []Entry {
	return []Entry{
		{"Q617", Usage, "no such model",
			"The server has no model of this name: neither a view that it serves, nor a file that it was given with --model.",
			"Check the spelling; GET /v1/models lists what can be asked for."},
		{"Q618", Usage, "column that raw rows lack",
			"Features are computed of every column that the model's programs read. One that is left out could be a mistake, so quern does not take it for null.",
			"Send every column; null says that a value is not known."},
		{"Q619", Usage, "raw column that the model does not have",
			"The column is none that the recipe reads, for features, labels, conditions, keys or to keep. A misspelt one would go unseen if quern took it.",
			"Take the name that is proposed, or leave the column out; GET /v1/models lists the columns that are needed."},
		{"Q620", Usage, "raw value that is not of its type",
			"The value has no meaning in the type that its column has in the model. quern neither rounds nor cuts nor makes it null.",
			"Send what the message asks for; the place is the column and the row, from 0."},
		{"Q621", Usage, "row whose features cannot be computed",
			"A step of the recipe fails on a value of the row, as it would offline: an integer overflows, or a text is no number.",
			"Correct the row, or have the recipe say what becomes of such values (fill, or safe variants of the function)."},
		{"Q622", Usage, "tensor message that cannot be read",
			"The body says that it is application/x-quern-tensor, and it is not: its length, checksum, blocks or columns do not fit together.",
			"Compare with the format's description, in the documentation of package serve/tensor."},
		{"Q623", Usage, "reply of a form that the server cannot make",
			"The Accept header names no form that this call has: application/json, application/x-quern-tensor and application/vnd.apache.arrow.stream.",
			"Ask for one of these, or for */*."},
		{"Q624", Usage, "model that cannot compute features on request",
			"The model has no serving program, or the rows are for a view whose features are not this model's.",
			"Publish the view with the model again."},
	}
}
