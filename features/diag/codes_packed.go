package diag

// packedCodes lists Q625 to Q629: what gRPC clients ask for.
func packedCodes() []Entry {
	return []Entry{
		{"Q625", Usage, "columns that make up no matrix",
			"A matrix has values of one type and one size, and the features that are asked for have several types, or are texts or lists.",
			"Ask for columns (LAYOUT_COLUMNS), or for features of one type."},
		{"Q626", Usage, "nothing of that name in the registry",
			"The server describes what it serves to Feast's clients, and has no entity or data source of this name that the caller may see.",
			"List them first: `list_entities` and `list_data_sources` of Feast's SDK."},
		{"Q627", Usage, "registry list with a filter that quern does not know",
			"Lists of the registry can be narrowed by tags. To ignore another filter would be a wrong answer, so it is refused.",
			"List all, and choose on the client."},
	}
}
