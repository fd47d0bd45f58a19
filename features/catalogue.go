package features

// Entry is what the catalogue knows of an operator. Being in the catalogue is all
// it takes to be checked, documented and offered.
type Entry struct {
	// Name as written in a recipe: a verb, lower case.
	Name string
	// New returns a pointer to the options with their defaults set; recipe keys are
	// the fields' `quern:"key"` tags (see Decode).
	New func() Operator
	// Doc is printed by `quern explain NAME` and in docs/OPERATORS.md.
	Doc Doc
	// Samples are specs, with inputs of the types they take, that the suite runs.
	Samples func() []Sample
}

// Doc documents an operator. Every field is required; "not applicable" has a reason.
type Doc struct {
	Summary  string   // one sentence
	Does     string   // the exact meaning, with formulas
	Null     string   // what a null input gives
	NaN      string   // what NaN gives, in fit and in transform
	Inf      string   // what infinities give, in fit and in transform
	Unseen   string   // what a value outside of the fitted ones gives
	Constant string   // what a constant (or all-null) column gives
	Output   string   // names and types of the outputs
	Source   string   // paper, standard or system that the formula is from
	Options  []Option // in the order of the struct
	Example  string   // a step as written in a recipe, YAML
}

// Option documents one option.
type Option struct {
	Key     string
	Type    string // "number", "list of numbers", "mean | median | mode | a constant"
	Default string
	Doc     string
}

// Catalogue returns every operator, by name, ascending.
func Catalogue() []Entry {
	return []Entry{
		bucketizeEntry(),
		castEntry(),
		categorifyEntry(),
		clipEntry(),
		countEncodeEntry(),
		crossEntry(),
		datetimeEntry(),
		dropEntry(),
		fillEntry(),
		hashBucketEntry(),
		keepEntry(),
		log1pEntry(),
		minMaxEntry(),
		oneHotEntry(),
		padEntry(),
		pcaEntry(),
		poolEntry(),
		renameEntry(),
		robustEntry(),
		sliceEntry(),
		standardizeEntry(),
		targetEncodeEntry(),
	}
}

// Find returns the entry of the operator called name, or false.
func Find(name string) (Entry, bool) {
	for _, e := range Catalogue() {
		if e.Name == name {
			return e, true
		}
	}
	return Entry{}, false
}
