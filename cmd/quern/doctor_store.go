package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quern/features/diag"
	"quern/pipeline/store/storecheck"
)

func (a *app) doctorStoreCommand() *cobra.Command {
	var rounds int
	c := &cobra.Command{
		Use:   "store PLACE",
		Short: "Try out whether a folder or s3://bucket/folder can hold outputs",
		Long: `Writes, reads, lists and removes small objects below PLACE, and lets eight writers
race for one name, several times, for single uploads and for uploads in parts. A store
that lets two of them win is refused: exit code 1. No object stays behind.`,
		Example: "  quern doctor store s3://bucket/features",
		Args:    takes("PLACE"),
		RunE: func(c *cobra.Command, args []string) error {
			if rounds < 1 {
				return usage("--rounds %d: give at least 1", rounds)
			}
			st, err := a.places.Store(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.printStore(st.Location(), storecheck.Check(c.Context(), st, rounds))
		},
	}
	c.Flags().IntVar(&rounds, "rounds", 8, "how many races of each kind")
	return c
}

// printStore prints what was found out about a store. A promise that is broken ends the
// command.
func (a *app) printStore(location string, found []storecheck.Finding) error {
	var mistakes diag.List
	for _, f := range found {
		mark := "good"
		if f.Err != nil {
			mark = "BAD "
			mistakes.Add(f.Err, "Q445")
		}
		fmt.Fprintf(a.out, "%s  %-14s%s\n", mark, f.Name, f.Value)
	}
	if len(mistakes) == 0 {
		fmt.Fprintf(a.out, "%s can hold outputs\n", location)
		return nil
	}
	fmt.Fprintf(a.out, "%s cannot hold outputs\n", location)
	diag.Draw(a.err, mistakes.Err(), a.colour())
	return &told{errFindings}
}
