package diag

// recipeNameCodes are about columns and features, once the data's schema is known.
func recipeNameCodes() []Entry {
	return []Entry{
		{"Q031", Usage, "unknown column",
			"The data has no column of this name. Names are compared letter by letter, capitals included.",
			"Take the column that is proposed; `quern cat FILE` shows the columns. An earlier feature is written as features.NAME."},
		{"Q032", Usage, "column that cannot be used",
			"The data has the column, but its type has no counterpart in quern: nested, decimal, unsigned 64-bit, time of day. Such columns are no trouble until a recipe uses one.",
			"Give a decimal or an unsigned 64-bit integer a type, such as source: {..., schema: {price: float64}}. Cast other columns where the file is written, or leave them out of the recipe."},
		{"Q033", Usage, "the label leaks into a feature",
			"A column that a label is made of is not known when the feature is served, so a feature that reads it would be good in training and impossible or useless in production. Only label, keep, fit.where and the target of an encoder may read it.",
			"Take the column out of the feature. If the label does not need it, take it out of the label."},
		{"Q034", Usage, "value of the wrong type for its place",
			"A condition is true or false; time is a timestamp, a datetime or a date. Nothing is converted silently: 1 is not true and a text is not a time.",
			"Write a comparison (delay > 15), or cast the column with `schema:`."},
		{"Q035", Usage, "step that refuses its input",
			"The operator cannot take what this step gives it: a number of columns, or a combination of them, that it has no meaning for.",
			"`quern explain OPERATOR` says what it takes; `quern plan RECIPE` prints the lanes after every step."},
		{"Q036", Usage, "recipe that does not fit its source",
			"Something that the recipe asks for and the data do not go together.",
			"The message says what; `quern plan RECIPE` prints what a good recipe would do."},
		{"Q037", Usage, "label with the name of a column",
			"A label is a column of the output. With the name of a source column, an expression or option that names it would be ambiguous.",
			"Give the label a name of its own."},
		{"Q038", Usage, "no such earlier feature",
			"features.NAME is an output of a feature that stands earlier in the recipe: features are computed in the order of the text, so that there are no circles. No earlier feature has an output of this name.",
			"Move the feature up, or take the name that is proposed; `quern plan RECIPE` prints every output."},
	}
}

// recipePlanCodes are about what a recipe writes, and from where it reads.
func recipePlanCodes() []Entry {
	return []Entry{
		{"Q039", Usage, "one name for two outputs",
			"Features, labels and kept columns become columns of one table, so each has a name of its own. A step with several outputs names them NAME_PART.",
			"Give one of the features a name, or a pattern such as as: \"{column}_2\"."},
		{"Q040", Usage, "source that cannot be opened",
			"The files that the recipe names cannot be opened as what it says they are.",
			"Check `source:`: the format, the path (relative to the recipe's folder) and the pattern."},
		{"Q041", Usage, "type that a column of the source cannot have",
			"Parquet files say the types of their columns. `schema:` may repeat them or widen them exactly: int32 to int64 or float64, float32 to float64. It says what to read the columns as that have no type in quern: decimals as float64, float32, int64 or string; unsigned 64-bit integers as int64, float64 or string. Anything else would be a silent conversion. CSV files and the names of folders hold no lists: list<...> is for Parquet and JSON lines.",
			"Take the entry out of `schema:`, and convert with the step `cast: {to: TYPE}` where a feature needs it."},
		{"Q042", Usage, "folders of two outputs in each other's way",
			"Each output is a folder of its own, which quern fills, checks and replaces as a whole. One of these two is the other, or lies in it.",
			"Write them side by side, such as out/features and out/tensors."},
		{"Q043", Usage, "feature that is not complete",
			"A feature needs columns or an expression, and each of its steps an operator. A recipe that was made in Go has a hole here.",
			"Fill in Columns or Expr, and the Operator of every Step."},
	}
}
