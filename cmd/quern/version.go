package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the versions of quern and of its formats",
		Example: "  quern version",
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			fmt.Fprintf(a.out, "quern %s\n%s %s/%s\nrecipe %d, model %d, time zones %s\n", revision(debug.ReadBuildInfo()),
				runtime.Version(), runtime.GOOS, runtime.GOARCH, recipe.Version, model.Version, program.TimezoneDataVersion())
			return nil
		},
	}
}

// revision names the code that the program was built from: the commit, else the
// version of the module.
func revision(info *debug.BuildInfo, ok bool) string {
	if !ok {
		return "unknown"
	}
	commit, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = ", modified"
		}
	}
	switch {
	case commit != "":
		return commit + modified
	case info.Main.Version != "":
		return info.Main.Version
	}
	return "unknown"
}
