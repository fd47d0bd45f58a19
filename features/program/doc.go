// Package program is the language that features are lowered to: typed columnar
// instructions in static single assignment form. A program is data. It has a
// text form, a verifier, and a scalar meaning in Go (Eval) that every back end must
// reproduce bit for bit.
//
// # Registers
//
// Instruction i defines register i. A register has a column.Type; its values are
// held as the type's Kind: bool, int64, float64 or bytes. Float32 is a storage
// type: its registers hold float64 values that are exactly float32, made by Load
// or Round32. Arithmetic on a Float32 register gives Float64. Int32 likewise
// widens to Int64. Every instruction rounds once; nothing is fused.
//
// # Null
//
// Unless an instruction says otherwise it is strict: null if any argument is null.
//
// # Lists
//
// A register of a list type holds a list of elements per row. An operation on
// scalars takes lists element by element: its result is a list of the same shape,
// null where the list is null. Its other arguments are lists of the same shape (from
// the same list, by such operations) or constants. The operations from ListSlice on
// see a list whole: they cut it, extend it, or make one scalar of it. A statistic that
// observes lists observes their elements. There are no lists of lists and no
// constants that are lists.
//
// # Faults
//
// Some instructions can fault on a value (integer overflow, a string that is no
// number). A fault on a slot that a row uses ends the run with an error that names
// the row. Both branches of a Select are computed, so a fault counts in either.
//
// # Domains
//
// A register depends on constants only, on one input column, on one list that an
// instruction made, or on several (see Program.Domains). Back ends evaluate
// one-column registers once per dictionary slot: for a column of lists, per slot of
// its elements.
//
// # NaN
//
// Every NaN is one value. Its bits in a register do not count until they are seen:
// hashes, table keys and outputs use the canonical NaN (see NaN, Canon), whose
// float32 form is 0x7FC00000. Eval canonicalises every result, so whoever compares
// a back end with Eval uses EqualValues or canonicalises as well.
//
// # What is where
//
//	Infer           the type rule           Verify       the rules of a whole program
//	Builder         makes programs          Text, Parse  the text form
//	Eval, Evaluator the scalar meaning      Table.Digest what a text says of a table
//
// Functions of plain values that the meaning is made of, and that back ends share:
//
//	integers   AddInt SubInt MulInt FloorDivInt ModInt NegInt AbsInt SignInt ClampInt
//	           BucketInt CompareIntFloat
//	reals      RealUnary RealBinary FloorDivFloat ModFloat MinFloat MaxFloat ClampFloat
//	           SignFloat RoundTo32 IntOf DotFloat BucketFloat Canon NaN
//	text       AppendLower AppendUpper AppendReplace TrimText SubstrText LengthText SplitField
//	reading    ParseIntText ParseFloatText ParseBoolText ParseTimeText
//	writing    AppendFormat AppendReal AppendTime
//	dates      CivilParts DaysOf PartOf DayPart ClockPart SplitDay DayMicros
//	zones      LoadZone Zone.{Span Offset Wall WallMicros Part Instant}
//	hashes     FindHash MixHashes BucketHash AppendCanonical OrderedBits
//	values     ValueAt EqualValues AppendRegister AppendStored RegisterVector StoredVector
//
// A kernel that meets a fault calls Eval on that slot for the reason.
package program
