// Package transform computes the features of raw rows that a request brings, by the
// serving program of a model: the same program, and the same bits, as in the files of a
// run and in a published view.
//
//	body --Parse--> columns of the source's types --Run--> features --> reply, or rows to push
//
// A Transformer is a model, compiled once; it is shared by all requests. A Call is the
// memory of one request: Transformer.Begin hands one out and Call.Close takes it back.
// In the steady state a request of one row allocates nothing.
//
//	c := t.Begin(transform.Serve)
//	defer c.Close()
//	err := c.Parse(body)   // {"rows": [{...}]}, {"columns": {...}}, or the array of rows alone
//	err = c.Run(ctx)
//	c.Rows, c.Features     // columns by t.Features(), until Close
//
// To push raw rows to a view, use Push in place of Serve, and then
//
//	left, err := c.Put(&view, &rows) // keys, event times and all features, as lookup.Rows
//
// # Rows
//
// The columns are those of the model's source, in its types. What a request means is said
// by the request alone; nothing is filled in:
//
//   - Every row has every column that the programs read. One that is left out is Q618. A
//     value that is not known is null, and is said to be: "distance": null.
//   - Columns that the recipe reads for something else (the label, columns that are kept) may
//     be there and are not looked at. Any other column is Q619: it may be a misspelt one.
//   - A value has exactly one meaning in the type of its column, by the table of
//     lookup.Cells: whole numbers are exact up to 64 bits, real ones are the nearest of
//     their type, NaN and the infinities are texts, times are ISO 8601, lists are arrays,
//     with nulls where an element has none. Any other value is Q620.
//   - The same column twice in a row, text that is not UTF-8 and what is no JSON are Q614.
//
// Types are those that the source had when the model was fitted: `quern model show` prints them.
//
// source.where says which rows of a source are read. It is not asked when features are
// served: it may read what is not known yet, and who sends a row wants its features. It is
// asked when rows are pushed, so that a view has the same rows by publish and by push; Put
// says how many it left out.
//
// # Features
//
// Features are the outputs of the serving program in the types of the recipe's Parquet
// output, as a published view has them: reals are float32, rounded once, unless the recipe
// asks for float64. A fault of the arithmetic (an overflow, a text that is no number where
// one is needed) is Q621, with the place in the recipe and the row; then no row is answered.
package transform
