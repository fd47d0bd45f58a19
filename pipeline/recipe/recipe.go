// Package recipe reads and writes recipes: what a user wants, as text (YAML) or as
// a Go value. The two are equal: everything that the text can say is a field here,
// and Format writes text that reads back as the same value.
//
// Reading is strict and finds every mistake at once: unknown, missing and repeated
// keys, wrong types, unknown operators and options, each with its line, column and
// a near match. What needs the data's schema (columns, types) is the planner's to
// check; it places its errors with the places that are kept here.
//
// The reader takes a subset of YAML 1.2: one document, no anchors, aliases, tags,
// merge keys or directives, no tabs, at most 1 MiB, at most 100 levels deep; within
// brackets a text without quotes stands on one line. What the YAML library reads is
// checked against the source text by rules of this package (see tokens.go and
// scalar.go), because a library's slip must be an error and never another recipe.
package recipe

import (
	slash "path"
	"path/filepath"
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
)

// Version is the version of the recipe's language that this package reads and writes.
const Version = 1

// Recipe is what a user wants. The zero value of an optional field means that it
// was not given. Places are empty in recipes that were made in Go.
type Recipe struct {
	File     string // as the user named it; "" when made in Go
	Comment  string // written at the top by Format; not read back
	Version  int    // of the language: 1
	Name     Name   // names the model; letters, digits, '-', '_' and '.'
	Preset   Preset // optional
	Source   Source
	Fit      Fit
	Key      []Name // columns that name the entity; optional
	Time     Name   // column of the event time; optional
	Keep     []Name // columns copied to the output unchanged; optional
	Labels   []Label
	Features []Feature
	Output   Output
	Online   *Online // how the features are served; optional
}

// Preset names a system whose numbers the operators' defaults reproduce.
type Preset string

// The presets.
const (
	NoPreset   Preset = ""
	Sklearn    Preset = "sklearn"
	NVTabular  Preset = "nvtabular"
	TFT        Preset = "tft"
	SparkML    Preset = "spark"
	presetList        = "sklearn nvtabular tft spark"
)

// Values lists the presets as written.
func (Preset) Values() []string { return strings.Fields(presetList) }

// Source says where rows come from.
type Source struct {
	Place  diag.Place // of the key that names the format
	Format FileFormat
	Files  []Name // paths, globs or folders, as written; see Resolve
	Where  Expr   // rows to read at all; optional
	// Schema gives columns their types; optional. For text it overrides what was inferred;
	// for Parquet it makes decimals and unsigned 64-bit integers usable, or widens exactly.
	// Types of lists (list<int64>) are for Parquet and JSON lines.
	Schema []Typed
	CSV    CSV // only for Format CSV
}

// FileFormat is a format of files of rows.
type FileFormat string

// The formats, as written in a recipe.
const (
	Parquet FileFormat = "parquet"
	CSVText FileFormat = "csv"
	JSONL   FileFormat = "jsonl"
)

// CSV says how a CSV file is written. The zero value is RFC 4180 with a header.
type CSV struct {
	Delimiter rune // 0: a comma
	NoHeader  bool // the first line is a row; Schema names the columns, in order
	// NullText is what stands for null beside the unquoted empty field: "NA", "\\N".
	// Only unquoted fields are compared. Empty: nothing else does.
	NullText string
}

// Typed is a column with its type.
type Typed struct {
	Name Name
	Type column.Type
	At   diag.Place // of the type
}

// Fit says which rows are learnt from.
type Fit struct {
	Where Expr // optional; the other rows are transformed with serving values
}

// Label is a named expression that only training may use. Columns that it reads
// are label columns: no served feature may read them.
type Label struct {
	Name Name
	Expr Expr
}

// Feature is one entry of features: a chain of steps over columns or an expression.
// Exactly one of Columns and Expr is given.
type Feature struct {
	Place diag.Place // of its first key
	// Comment is written above the feature by Format. It is not read back.
	Comment string
	Columns []Name // source columns, or "features.NAME" for an earlier feature
	Name    Name   // required with Expr; with Columns it makes one feature of them all
	As      Name   // pattern of output names with "{column}"; only with Columns and without Name
	Expr    Expr
	Steps   []Step
}

// Step is an operator with its options.
type Step struct {
	Name string // as in the catalogue; may be left empty in Go
	// Operator is what Entry.New made, with the options of the step set. It is nil
	// only in a recipe that Parse returned together with an error.
	Operator features.Operator
	Place    diag.Place // of the name
	// Options has the place of each value that was written, by key: "with". Elements
	// of a list are "folds_by[0]".
	Options map[string]diag.Place
}

// Output names what a run writes. Nil: not wanted.
type Output struct {
	Parquet *ParquetOutput
	Tensor  *TensorOutput
}

// ParquetOutput asks for a folder of Parquet files.
type ParquetOutput struct {
	Place diag.Place
	Path  Name
	Codec Codec // "": zstd
	DType DType // of real-valued features; "": float32
	// Encoding of the pages; "": dictionaries where they make a column smaller.
	Encoding Encoding
}

// TensorOutput asks for tensors.
type TensorOutput struct {
	Place  diag.Place
	Path   Name
	Format TensorFormat // "": safetensors
	DType  DType        // of real-valued features; "": float32
	Layout Layout       // "": rows
}

// Encoding is how values stand in Parquet pages.
type Encoding string

// The encodings.
const (
	Auto        Encoding = "auto"  // dictionaries where they make a column smaller
	PlainValues Encoding = "plain" // every value for itself, for readers that know no dictionaries
)

// Values lists the encodings.
func (Encoding) Values() []string { return []string{string(Auto), string(PlainValues)} }

// Codec is a compression of Parquet pages.
type Codec string

// The codecs.
const (
	Zstd   Codec = "zstd"
	Snappy Codec = "snappy"
	Plain  Codec = "none"
)

// Values lists the codecs as written.
func (Codec) Values() []string { return []string{string(Zstd), string(Snappy), string(Plain)} }

// DType is the type of real-valued features in an output.
type DType string

// The types.
const (
	Float32 DType = "float32"
	Float64 DType = "float64"
)

// Values lists the types as written.
func (DType) Values() []string { return []string{string(Float32), string(Float64)} }

// TensorFormat is a file format of tensors.
type TensorFormat string

// The formats of tensors.
const (
	Safetensors TensorFormat = "safetensors"
	NPY         TensorFormat = "npy"
)

// Values lists the formats as written.
func (TensorFormat) Values() []string { return []string{string(Safetensors), string(NPY)} }

// Layout is the order of a tensor's elements.
type Layout string

// The layouts: one matrix of rows, or one vector per column.
const (
	Rows    Layout = "rows"
	Columns Layout = "columns"
)

// Values lists the layouts as written.
func (Layout) Values() []string { return []string{string(Rows), string(Columns)} }

// Resolve returns path relative to the recipe's folder, if it is relative and does
// not name a remote store ("s3://..."). The folder may be in a store itself.
func (r *Recipe) Resolve(path string) string {
	if path == "" || filepath.IsAbs(path) || strings.Contains(path, "://") {
		return path
	}
	if scheme, at, ok := strings.Cut(r.File, "://"); ok {
		return scheme + "://" + slash.Join(slash.Dir(at), path)
	}
	return filepath.Join(filepath.Dir(r.File), path)
}
