package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
)

// usage is a mistake of the command line.
func usage(format string, args ...any) *diag.Error { return diag.New("Q501", format, args...) }

// takes makes a command take the named arguments: "RECIPE", "FILE..." for one or more at
// the end, "[JOB]" for one that may be left out, "[SOURCE...]" for any number at the end.
func takes(names ...string) cobra.PositionalArgs {
	more := len(names) > 0 && strings.HasSuffix(strings.TrimSuffix(names[len(names)-1], "]"), "...")
	least := len(names)
	for least > 0 && strings.HasPrefix(names[least-1], "[") {
		least--
	}
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && (more || len(args) <= len(names)) {
			return nil
		}
		what := strings.Join(names, " ")
		if what == "" {
			what = "no arguments"
		}
		return usage("%s takes %s, not %s", c.CommandPath(), what, phrase.Counted(len(args), "argument")).
			WithHint("%s --help", c.CommandPath())
	}
}

// needed refuses a command line without a flag that its command needs. It looks before
// cobra does, which has no type for that mistake.
func needed(c *cobra.Command, _ []string) (err error) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if must := f.Annotations[cobra.BashCompOneRequiredFlag]; err == nil && len(must) > 0 && must[0] == "true" && !f.Changed {
			err = usage("%s needs --%s: %s", c.CommandPath(), f.Name, f.Usage).WithHint("%s --help", c.CommandPath())
		}
	})
	return err
}

// groups makes every command with sub-commands print its help when it is called
// alone, if it does nothing by itself, and refuse what is none of them.
func groups(c *cobra.Command) {
	for _, sub := range c.Commands() {
		groups(sub)
	}
	if c.HasSubCommands() {
		c.Args = knownCommand
		if c.RunE == nil {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}

// sections puts the commands of root under headings, in its help.
func sections(root *cobra.Command) {
	for _, s := range []struct{ title, commands string }{
		{"From tables to features:", "infer check plan run fit transform"},
		{"Look at models, outputs and mistakes:", "model verify cat explain"},
		{"Features online:", "publish views serve get audit"},
		{"Many processes and machines:", "jobs job task coordinator certs k8s"},
	} {
		root.AddGroup(&cobra.Group{ID: s.title, Title: s.title})
		for _, c := range root.Commands() {
			if slices.Contains(strings.Fields(s.commands), c.Name()) {
				c.GroupID = s.title
			}
		}
	}
}

// unsetFlags keeps help from printing the values that stand for flags that were not given:
// what they mean is in the flag's text.
func unsetFlags(c *cobra.Command) {
	for _, sub := range c.Commands() {
		unsetFlags(sub)
	}
	hide := func(f *pflag.Flag) {
		switch {
		case f.DefValue == "-1":
			f.DefValue = "0"
		case f.Value.Type() == "uintSlice":
			f.DefValue = ""
		}
	}
	c.Flags().VisitAll(hide)
	c.PersistentFlags().VisitAll(hide)
}

// knownCommand refuses arguments of a command that has sub-commands.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	e := usage("unknown command %q", c.CommandPath()+" "+args[0])
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			names = append(names, sub.Name())
		}
	}
	if near := diag.Nearest(args[0], names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e.WithHint("%s --help lists the commands", c.CommandPath())
}

// flagError explains a wrong flag. What looks like a wrong flag of a command that
// does not exist is a wrong command.
func (a *app) flagError(c *cobra.Command, err error) error {
	if c.HasSubCommands() {
		depth := len(strings.Fields(c.CommandPath())) - 1
		if words := withoutFlags(a.args); len(words) > depth {
			return knownCommand(c, words[depth:])
		}
	}
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usage("--%s takes %s, not %q", invalid.GetFlag().Name, kindOf(invalid.GetFlag()), invalid.GetValue()).
			WithHint("%s --help", c.CommandPath())
	}
	if !errors.As(err, &unknown) {
		return usage("%v", err).WithHint("%s --help", c.CommandPath())
	}
	var names []string
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	e := usage("%s has no flag --%s", c.CommandPath(), unknown.GetSpecifiedName())
	if near := diag.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return e.WithHint("did you mean --%s?", near)
	}
	return e.WithHint("%s --help lists the flags", c.CommandPath())
}

// kindOf says what a flag takes.
func kindOf(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int", "int64":
		return "a whole number"
	case "bool":
		return "true or false"
	}
	return "a " + f.Value.Type()
}

// withoutFlags returns the words of a command line before its first flag.
func withoutFlags(args []string) []string {
	for i, arg := range args {
		if strings.HasPrefix(arg, "-") {
			return args[:i]
		}
	}
	return args
}

// helpCommand prints the help of any command.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Print what a command does, its flags, and an example",
		Example: "  quern help run",
		ValidArgsFunction: func(_ *cobra.Command, args []string, start string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if at, rest, err := root.Find(args); err == nil && len(rest) == 0 {
				for _, sub := range at.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name()+"\t"+sub.Short)
					}
				}
			}
			return starting(names, start), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			at, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return knownCommand(at, rest)
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}
