package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/serve/view"
)

func (a *app) viewsCommand() *cobra.Command {
	var folder string
	c := &cobra.Command{
		Use:     "views",
		Short:   "List the views of a store, and choose which version is served",
		Long:    "Lists the views of a store and their versions. promote serves a staged version, or one\nthat is named; rollback serves the version before.",
		Example: "  quern views --store features\n  quern views rollback flights --store features",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s := &view.Store{Places: a.places, Folder: folder}
			views, err := s.Views(c.Context())
			if err != nil {
				return err
			}
			for _, name := range views {
				versions, err := s.Versions(c.Context(), name)
				if err != nil {
					return err
				}
				for _, v := range versions {
					fmt.Fprintf(a.out, "%s@%s rows %s %s\n", name, v.Version, phrase.Thousands(v.Rows), v.Role)
				}
			}
			return nil
		},
	}
	c.PersistentFlags().StringVar(&folder, "store", "", "folder or s3:// URI of the views")
	if err := c.MarkPersistentFlagRequired("store"); err != nil {
		panic("quern: bug: " + err.Error())
	}
	c.AddCommand(
		a.viewChange("promote VIEW", "Serve the staged version of a view", &folder, func(c *cobra.Command, s *view.Store, name string) (*view.State, error) {
			return s.Promote(c.Context(), name, "")
		}),
		a.viewChange("rollback VIEW", "Serve the version of a view before the one that is served", &folder, func(c *cobra.Command, s *view.Store, name string) (*view.State, error) {
			return s.Rollback(c.Context(), name)
		}))
	return c
}

// viewChange is a command that serves another version.
func (a *app) viewChange(use, short string, folder *string, how func(*cobra.Command, *view.Store, string) (*view.State, error)) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  quern views " + use[:len(use)-4] + "flights --store features",
		Args:    takes("VIEW"),
		RunE: func(c *cobra.Command, args []string) error {
			state, err := how(c, &view.Store{Places: a.places, Folder: *folder}, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "serving %s@%s\n", state.View, state.Current)
			return nil
		},
	}
}
