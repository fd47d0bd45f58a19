package diag

// recipeCodes lists Q001 to Q099.
func recipeCodes() []Entry {
	var all []Entry
	for _, list := range [][]Entry{recipeTextCodes(), recipeKeyCodes(), recipeNameCodes(), recipePlanCodes(), recipeOptionCodes()} {
		all = append(all, list...)
	}
	return all
}

// recipeTextCodes are found before a key is understood.
func recipeTextCodes() []Entry {
	return []Entry{
		{"Q001", Usage, "not YAML",
			"The text breaks the rules of YAML, so quern cannot tell what it says: a quote or bracket is not closed, an indentation is off, a text with a colon and a space in it is not quoted. After such a mistake nothing further can be read, so others may show up when it is mended.",
			"Look at the caret and at the line above it. Put a text in quotes when it has any of : # { } [ ] , & * ! | > ' \" % @ in it."},
		{"Q002", Usage, "too large for a recipe",
			"A recipe is at most 1 MiB long and 100 levels deep, with at most 10,000 keys in a mapping. What is larger is a mistake, or an attempt to exhaust the machine.",
			"Check that this is the right file. Lists (of features, of a given vocabulary) may be as long as the file allows."},
		{"Q003", Usage, "characters that are not text",
			"A recipe is UTF-8 text without control characters: what cannot be seen cannot be reviewed, and two names that look alike could differ.",
			"Save the file as UTF-8. In double quotes, write an escape such as \"\\u0007\" for a character that is meant."},
		{"Q004", Usage, "a tab",
			"YAML forbids tabs for indentation, because their width depends on who looks. quern refuses them everywhere in a recipe, comments included: it is one simple rule.",
			"Let your editor insert spaces. In double quotes \"\\t\" is a tab, as in delimiter: \"\\t\"."},
		{"Q005", Usage, "a part of YAML that recipes do not have",
			"Anchors (&), aliases (*), merge keys (<<), tags (!), directives (%) and keys marked with ? are left out: with them, a line no longer says by itself what it means, and a short text can stand for a huge one.",
			"Write the value out. A text that starts with one of these characters (a path such as *.parquet) goes in quotes."},
		{"Q006", Usage, "more than one document",
			"A file holds one recipe. A line of --- begins another document, and quern would have to guess which is meant.",
			"Move the second recipe to a file of its own. A single --- at the top is allowed."},
		{"Q007", Usage, "a key is given twice",
			"The same key stands twice in one mapping. YAML readers disagree on which of them counts, so quern takes neither.",
			"Remove one of the two."},
		{"Q008", Usage, "unknown key",
			"Recipes have no key of this name here. Keys are never ignored: a misspelt one would silently do nothing.",
			"Take the key that is proposed, or check the indentation: the key may belong one level further out or in."},
	}
}

// recipeKeyCodes are about keys and their values.
func recipeKeyCodes() []Entry {
	return []Entry{
		{"Q009", Usage, "a key is missing",
			"Without this key the recipe does not say what to do. quern does not guess.",
			"Add the key; the hint has an example."},
		{"Q010", Usage, "wrong type of value",
			"The key takes another kind of value: a list, a mapping, a text, true or false, a number. Texts that look like numbers or like true, false and null are none unless they are in quotes; yes, no, on and off are texts.",
			"Write the value as the hint shows."},
		{"Q011", Usage, "a word that is not a choice",
			"The key takes one of a few words, and this is none of them.",
			"Take the word that is proposed, or one of those listed."},
		{"Q012", Usage, "another version of the recipe language",
			"The number after quern: is the version of the recipe's language, not of the program. This program does not know that version, and reading it by other rules could change features without notice.",
			"Use a newer quern for a newer recipe; else write quern: 1."},
		{"Q013", Usage, "nothing where something belongs",
			"A key without a value, an empty text or an empty list says nothing. Leaving the key out says the same, and is certain to be meant.",
			"Give a value, or remove the key."},
		{"Q014", Usage, "keys that exclude each other",
			"Each of the keys is fine, but together they contradict: a feature is made of columns or of an expression, a source has one format, some options are for one format only.",
			"Keep the one that is meant."},
		{"Q015", Usage, "a name that cannot be used",
			"Names of features and labels become names of columns, and are written in expressions as features.NAME: so they have letters, digits and underscores only, and no digit first. The recipe's own name becomes part of file names. The pattern of as: must give each column a name of its own.",
			"Choose another name."},
		{"Q016", Usage, "unknown operator",
			"A step names an operator that quern does not have.",
			"Take the one that is proposed; `quern explain` lists all operators, docs/OPERATORS.md describes them."},
		{"Q017", Usage, "a step that cannot be read",
			"A step is an operator's name (- log1p), or a name with its options (- clip: {min: 0}). The usual slip is to write the options on lines of their own that are not indented further than the operator's name, which makes them keys beside it.",
			"Write the options in braces, or indent them by two more spaces than the name."},
		{"Q018", Usage, "a value that is out of range",
			"The value is of the right kind, but not one that can be used.",
			"The message says what can."},
		{"Q019", Usage, "named twice",
			"Something that must differ is the same twice: a column in a list, the names of two features, the folders of two outputs.",
			"Remove or rename one."},
		{"Q020", Usage, "a bad escape in a text",
			"In double quotes a backslash begins an escape such as \\n, \\t, \\\" or \\u00e9, and this is none. Regular expressions are the usual victims.",
			"Write two backslashes for one, or use single quotes, in which a backslash is nothing special."},
	}
}

// recipeOptionCodes are about the options of steps, and what steps are given.
func recipeOptionCodes() []Entry {
	return []Entry{
		{"Q070", Usage, "input of a wrong type",
			"An operator takes inputs of certain types only, and types are checked before any data is read. Nothing is converted behind your back, because a silent conversion would change what the feature means.",
			"Put a `cast` before the step, or take another operator; `quern explain OPERATOR` says what each one takes."},
		{"Q071", Usage, "wrong value of an option",
			"The option exists but cannot hold this value: it has another shape (a text where a number belongs), is none of the allowed words, or is out of range.",
			"`quern explain OPERATOR` lists every option with its type and default."},
		{"Q072", Usage, "unknown option",
			"The operator has no option of this name. Options are never ignored: a misspelt one would silently leave its default in force.",
			"Take the name that is proposed; `quern explain OPERATOR` lists all options."},
		{"Q073", Usage, "options missing, or excluding each other",
			"The operator needs an option that is not there, or it was given two that say different things.",
			"Give exactly the options that the message names; `quern explain OPERATOR` has an example."},
		{"Q074", Usage, "unknown lane",
			"keep and drop name lanes of their chain: the columns it started with, or what earlier steps made of them. This name is not among them.",
			"`quern plan RECIPE` prints the names of the lanes after every step."},
		{"Q075", Usage, "lists where columns meet",
			"An operator that takes several columns together cannot take lists: their elements do not belong to each other.",
			"Make one value of each list first (`pool`), or apply an operator of one column to the lists, which takes them element by element."},
	}
}
