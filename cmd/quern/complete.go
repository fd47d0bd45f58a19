package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"quern/features"
	"quern/features/diag"
	"quern/features/expr"
)

// completion is the type of cobra's functions that propose arguments.
type completion = func(c *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective)

// completeFiles proposes files with one of the endings, as many as max (0: any number).
func completeFiles(max int, endings ...string) completion {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if max > 0 && len(args) >= max {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeRecipe and completeModel propose one recipe, and up to max models.
func completeRecipe() completion       { return completeFiles(1, "yaml", "yml") }
func completeModel(max int) completion { return completeFiles(max, "quern") }

// completeFolder proposes a folder.
func completeFolder(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// completeTopic proposes what can be explained, and files.
func completeTopic(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return starting(topics(), start), cobra.ShellCompDirectiveDefault
}

// starting returns the words that start as the user has started.
func starting(words []string, start string) []string {
	return slices.DeleteFunc(words, func(w string) bool { return !strings.HasPrefix(strings.ToLower(w), strings.ToLower(start)) })
}

// topics lists what can be explained, each with a tab and a few words on it.
func topics() []string {
	var topics []string
	for _, e := range features.Catalogue() {
		topics = append(topics, e.Name+"\t"+e.Doc.Summary)
	}
	for _, f := range expr.Functions() {
		if _, both := features.Find(f.Name); !both {
			topics = append(topics, f.Name+"\t"+f.Signature)
		}
	}
	for _, e := range diag.Catalogue() {
		topics = append(topics, string(e.Code)+"\t"+e.Title)
	}
	return topics
}

// completeWords proposes the values of a flag.
func completeWords(c *cobra.Command, flag string, words ...string) {
	propose := cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	if err := c.RegisterFlagCompletionFunc(flag, propose); err != nil {
		panic("quern: bug: " + err.Error())
	}
}
