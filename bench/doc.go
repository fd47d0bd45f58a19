// Package bench measures quern: it makes data, always the same for the same size,
// runs recipes over them through the public pipeline as the program does, each
// measured run in a process of its own, and reports rates, processor time, memory and
// where the time went.
//
//	workload   a name, a table to make, a recipe          workload.go, recipes.go
//	generate   the table, from numbers of fixed streams   random.go, fields.go, table.go
//	run        one job in one process                      job.go, online.go
//	measure    warm-ups, runs, medians, a profile          measure.go
//	report     table, JSON, SVG                            report.go, text.go, svg.go
package bench
