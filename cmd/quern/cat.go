package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/cmd/quern/table"
)

func (a *app) catCommand() *cobra.Command {
	var rows int64
	var columns []string
	var format string
	c := &cobra.Command{
		Use:   "cat PATH",
		Short: "Print the first rows of a table, a tensor file or a finished output",
		Long: `Prints the first rows of a file (.parquet, .csv, .tsv, .jsonl, also .gz and .zst;
.npy, .safetensors), of a folder of such files, or of a finished output. A folder
that an unfinished run has left behind is refused.`,
		Example: `  quern cat out/features --rows 3
  quern cat flights.parquet --columns origin,delay --format csv --rows 0`,
		Args:              takes("PATH"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return nil, 0 },
		RunE: func(c *cobra.Command, args []string) error {
			if rows < 0 {
				return usage("--rows %d: give 0 for all rows, or how many", rows)
			}
			o, err := a.options()
			if err != nil {
				return err
			}
			t, err := table.Open(c.Context(), args[0], o)
			if err != nil {
				return err
			}
			defer t.Close()
			if len(columns) > 0 {
				if err := t.Select(columns); err != nil {
					return err
				}
			}
			for _, n := range t.Notes {
				if format == "table" {
					fmt.Fprintln(a.out, n)
				}
			}
			shown, err := t.Print(c.Context(), a.out, format, rows)
			if err == nil && format == "table" && !a.flags.quiet {
				a.tellRows(t, shown)
			}
			return err
		},
	}
	c.Flags().Int64Var(&rows, "rows", 10, "how many rows; 0: all")
	c.Flags().StringSliceVar(&columns, "columns", nil, "which columns, in this order (default: all)")
	c.Flags().StringVar(&format, "format", "table", "table, json, jsonl or csv")
	completeWords(c, "format", table.Formats()...)
	return c
}

// tellRows says how much of the table was shown.
func (a *app) tellRows(t *table.Table, shown int64) {
	of := "of an unknown number"
	if t.Rows >= 0 {
		of = "of " + phrase.Thousands(t.Rows)
	}
	fmt.Fprintf(a.err, "%s %s, %s\n", phrase.Counted(int(shown), "row"), of, phrase.Counted(len(t.Fields), "column"))
}
