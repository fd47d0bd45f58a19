package diag

// requestCodes lists Q601 to Q649: what is wrong with a request to the feature server.
func requestCodes() []Entry {
	return append([]Entry{
		{"Q601", Usage, "no such feature view",
			"The server serves no view of this name, or no such version of it. Names are compared letter by letter, capitals included.",
			"Check the spelling; `quern views` lists what a store has."},
		{"Q602", Usage, "no such feature in the view",
			"The view is served, and none of its features has this name.",
			"Take the name that is proposed; `quern views` lists the features of a view."},
		{"Q603", Usage, "no such feature service",
			"The server knows no service of this name. Services are named lists of features, in the recipe's `online:`.",
			"Check the spelling, or ask for the features one by one, as VIEW:FEATURE."},
		{"Q604", Usage, "malformed feature reference",
			"A feature is asked for as VIEW:FEATURE, or as VIEW@VERSION:FEATURE for a certain version of the view.",
			"Write the view's name, a colon and the feature's name."},
		{"Q605", Usage, "two columns of a reply under one name",
			"The reply names its columns, and two of them would have one name: two features, the same feature twice, or a feature and a key.",
			"Ask for full names (full_feature_names: true), which start with the view's name, and for each feature once."},
		{"Q606", Usage, "key that is missing",
			"Every join key of every view that is asked for needs a column of values. A part of a composite key says nothing, so quern does not look up by it.",
			"Add the key that the message names to `entities`."},
		{"Q607", Usage, "key value that is not of its type",
			"A key is looked up in its declared type. The value has no meaning there: 1001.5, true, null or 9223372036854775808 are no int64. Feast reads some of these as another key, or answers null. \"1001\" and 1001.0 mean 1001 and are taken.",
			"Send the key in its declared type; `quern views` shows the types."},
		{"Q608", Usage, "columns of different lengths",
			"Row i of a request is the i-th value of every column, so the columns have one length.",
			"Give every column a value for every row; in pushed rows, null for none."},
	}, append(requestShapeCodes(), rawCodes()...)...)
}

// requestShapeCodes are about the size and form of requests, and about pushed rows.
func requestShapeCodes() []Entry {
	return []Entry{
		{"Q609", Usage, "request that is too large",
			"The server bounds the bytes, keys and features of a request, so that none can take its memory from the others.",
			"Send the keys in several requests, or have the server's limits raised."},
		{"Q610", Usage, "no such push source",
			"Rows are pushed to a source, which feeds one or more views. The server knows no source of this name.",
			"Check the spelling, or push to a view by name with /write-to-online-store."},
		{"Q611", Usage, "column that pushed rows lack",
			"A pushed row replaces the whole row of its key, so it has every key, every feature and the event time. A feature without a value is null, not left out.",
			"Add the columns that the message names."},
		{"Q612", Usage, "pushed value that is not of its type",
			"The value has no meaning in the declared type of its column. quern neither rounds nor cuts nor makes it null.",
			"Send what the message asks for; the place is the column and the row, from 0."},
		{"Q613", Usage, "push to where quern does not push",
			"quern takes pushed rows to be served online. It has no offline store to write them to.",
			"Push with \"to\": \"online\"; write history where the source of the recipe is."},
		{"Q614", Usage, "request that cannot be read",
			"The body is not JSON or protobuf of the form that the call takes, or it says the same thing twice.",
			"The message says where and what."},
		{"Q615", Usage, "request for nothing",
			"The request names no features, or it has no rows.",
			"Name features (or a feature service), and give at least one value for each key."},
		{"Q616", Usage, "rows for a view that is not there",
			"The server serves no view of this name, so it cannot take rows for it.",
			"Check the spelling; `quern views` lists what a store has."},
	}
}
