package program

// Op is an instruction's operation. Ops are written into models by name, so their
// order may change but their names may not.
type Op uint8

// The operations. "number" is float64 or int64, the same for all arguments and the
// result. Faults are marked with (!).
const (
	NoOp Op = iota

	// Sources of values.
	Load  // Imm.Int: input column -> its type, widened to register form
	Const // Imm.Value (perhaps null) of the instruction's type

	// Arithmetic, strict. Integer overflow is a fault.
	Add      // number, number (!)
	Sub      // number, number (!); also two temporals of one type -> Int64 (micros, or days for Date)
	Mul      // number, number (!)
	Div      // float, float; IEEE 754
	FloorDiv // number, number; integers: towards -Inf, by zero null, least by -1 (!); floats: floor(a/b), once rounded each
	Mod      // number, number; a - b*floor(a/b): takes the sign of b, a zero too; integers: by zero null; floats: math.Mod, which is exact, then + b if it is not zero and the signs differ
	Neg      // number (!)
	Abs      // number (!)
	Min      // number, number: the smaller; NaN if either is NaN; -0 < 0
	Max      // number, number: the larger; NaN if either is NaN; -0 < 0
	Clamp    // x, low, high: number; x<low: low; x>high: high; else x (NaN stays)
	Sign     // number: -1, 0, 1 (NaN stays, -0 stays)

	// Floats, strict. Log, Log1p, Exp, Expm1, Pow, Sin and Cos are
	// package real's: our own sequences of float64 operations, within 1 ulp of the truth.
	Floor
	Ceil
	Round // half to even
	Trunc
	Sqrt // correctly rounded
	Log
	Log1p
	Exp
	Expm1
	Pow
	Sin
	Cos
	Dot // x1..xn, Imm.Floats c1..cn,c0: ((c0 + x1*c1) + x2*c2) ..., each product and sum rounded

	// Comparison, strict: two values of one kind (temporals: one type) -> Bool.
	// Floats as IEEE 754 says; strings by bytes; false < true.
	Eq
	Ne
	Lt
	Le

	// Three-valued logic (Kleene): false and null is false, true or null is true.
	And
	Or
	Not

	// Tests; never null.
	IsNull // any type
	IsNaN  // float; false for null
	IsInf  // float: +Inf or -Inf; false for null

	// Choice; not strict. The branches have one type.
	Coalesce // a, b: a unless it is null
	Select   // Bool c, a, b: a where c is true, b where c is false or null

	// Conversion, strict.
	ToFloat     // integer, Bool -> Float64 (one rounding beyond 2^53)
	ToInt       // float -> Int64 towards zero; NaN, Inf and out of range are faults (!); Bool -> 0, 1
	Round32     // float -> Float32: rounded to nearest even, kept as float64
	Narrow32    // integer -> Int32; out of range is a fault (!)
	Retype      // same kind, other type, same value: Int64 <-> Timestamp, Datetime, Date (beyond 32 bits (!)); Int32 -> Int64; Float32 -> Float64
	ParseInt    // String -> Int64, decimal with optional sign (!); Imm.Int 1: null instead of a fault
	ParseFloat  // String -> Float64, correctly rounded, see ParseFloatText; also nan, inf, -inf; out of range (!); Imm.Int as above
	ParseBool   // String -> Bool: true, false, 1, 0 in any case (!); Imm.Int as above
	ParseTime   // String -> the instruction's type (Timestamp, Datetime, Date), ISO 8601, see ParseTimeText (!); Imm.Int as above
	Format      // any -> String: shortest decimal that reads back, true/false, ISO 8601
	ToDate      // Datetime, or Timestamp with Imm.Text zone -> Date
	ToTimestamp // Date or Datetime as wall clock in Imm.Text zone -> Timestamp (of two instants the earlier, in a gap shifted forward); out of range (!)
	ToDatetime  // Timestamp in Imm.Text zone -> Datetime; Date -> midnight; out of range (!)

	// Numbers to ids.
	Bucketize // float or integer; Imm.Floats ascending edges, Imm.Int 0: left-closed [a,b), 1: right-closed (a,b]; Imm.NaN: the id of NaN. -> Int64 in 0..len(edges). Integers and edges compare exactly
	Hash      // any type; Imm.Text function (see FindHash), Imm.Int seed: hash of the value's canonical bytes (see AppendCanonical) -> Int64 (64 bits, reinterpreted)
	HashMix   // Int64 x n: position-salted combination of n hashes, xxh3 of the 8-byte little-endian parts in order, seed Imm.Int -> Int64
	Bucket    // Int64 h: h as uint64 mod Imm.Int -> Int64
	Lookup    // any type; Imm.Int table: value of the key's row, by canonical bytes; null if absent. A null argument finds the table's null key, if it has one

	// Dates: Int64. Timestamp needs a zone in Imm.Text, Datetime and Date refuse one.
	DatePart // Imm.Part names the part

	// Strings, strict. Positions count bytes unless said otherwise; invalid UTF-8 passes through.
	Lower // Unicode's simple mappings, rune by rune
	Upper
	Trim       // ASCII and Unicode white space on both sides
	Substr     // String, Int64 start (runes, from 0, negative: from the end), Int64 length (runes, negative: 0)
	Length     // String -> Int64 runes (each invalid byte is one)
	Concat     // String x n; longer than MaxText (!)
	Contains   // String, String -> Bool
	StartsWith // String, String -> Bool
	EndsWith   // String, String -> Bool
	Match      // String; Imm.Text: RE2 pattern found anywhere -> Bool
	Replace    // String, String old, String new: all occurrences; old empty: unchanged; longer than MaxText (!)
	SplitPart  // String, String separator (empty: one field); Imm.Int field from 0: that field, null if there is none

	// Lists: every operation above but Load and Const takes lists element by element
	// (see the package's documentation); these see them whole. Strict but for ListPad.
	ListSlice  // list; elements from Imm.Int up to but without Imm.Extra; negative: from the end, as in Python; cut to what there is
	ListPad    // list, constant of the element type (perhaps null): as many of it that there are at least Imm.Int elements, behind them, or before them if Imm.Extra is 1; a null list counts as empty
	ListLength // list -> Int64: how many elements, null ones too
	ListAt     // list; Imm.Int position from 0, negative: from the end: that element, null if there is none
	ListSum    // list of number: ((e0 + e1) + e2) ... without nulls, each sum rounded; integer overflow (!); null if there is none
	ListMean   // list of float: ListSum divided by the count of what is not null
	ListMin    // list of number: as Min does, without nulls; null if there is none
	ListMax    // list of number: as Max does, without nulls; null if there is none

	numOps
)
