// Package bench measures quern: it makes data, always the same for the same size,
// runs recipes over them through the public pipeline as the program does, each
// measured run in a process of its own, and reports rates, processor time, memory and
// where the time went.
//
//	workload   a name, a table to make, a recipe          workload.go, recipes.go
//	generate   the table, from numbers of fixed streams   random.go, fields.go, table.go
//	run        one job in one process                      job.go, online.go
//	measure    warm-ups, runs, medians, a profile          measure.go
//	report     table, JSON, SVG                            result.go, text.go, svg.go
//
// With a GPU, it is compared with the CPU from decoded columns in memory on, so that what
// both do the same way does not hide the difference:
//
//	ceilings   what copies to, from and on the device do   ceilings.go
//	hold       the rows of a source, decoded               held.go
//	compare    workloads, operators, batches by size       compare.go, apply.go, operators.go, crossover.go
//	report     table, JSON, SVG, the README's part         device.go, device_text.go, device_svg.go, device_markdown.go
package bench
