package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quern/features"
	"quern/pipeline/model"
)

func (a *app) modelCommand() *cobra.Command {
	c := &cobra.Command{Use: "model", Short: "Show, compare and verify fitted models", Example: "  quern model show flights.quern"}
	c.AddCommand(a.modelShow(), a.modelDiff(), a.modelVerify())
	return c
}

func (a *app) modelShow() *cobra.Command {
	var asJSON, programs bool
	c := &cobra.Command{
		Use:               "show MODEL",
		Short:             "Print what a model has learnt",
		Example:           "  quern model show flights.quern --program",
		Args:              takes("MODEL"),
		ValidArgsFunction: completeModel(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := a.readModel(c.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(shownOf(m))
			}
			for _, line := range describeModel(m) {
				fmt.Fprintln(a.out, line)
			}
			if programs {
				fmt.Fprintf(a.out, "\nserving program\n%s", m.Serving)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	c.Flags().BoolVar(&programs, "program", false, "the serving program too")
	return c
}

func (a *app) modelVerify() *cobra.Command {
	return &cobra.Command{
		Use:               "verify MODEL",
		Short:             "Check a model's bytes, its programs, and its golden rows on this machine",
		Example:           "  quern model verify flights.quern",
		Args:              takes("MODEL"),
		ValidArgsFunction: completeModel(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := a.readModel(c.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: whole, golden rows agree, digest %s\n", args[0], m.Digest())
			return nil
		},
	}
}

func (a *app) modelDiff() *cobra.Command {
	return &cobra.Command{
		Use:               "diff MODEL MODEL",
		Short:             "Print what two models have learnt differently; exit code 1 if anything",
		Example:           "  quern model diff june.quern july.quern",
		Args:              takes("MODEL", "MODEL"),
		ValidArgsFunction: completeModel(2),
		RunE: func(c *cobra.Command, args []string) error {
			var models [2]*model.Model
			for i, path := range args {
				m, err := a.readModel(c.Context(), path)
				if err != nil {
					return err
				}
				models[i] = m
			}
			if digest := models[0].Digest(); digest == models[1].Digest() {
				fmt.Fprintln(a.out, "the models have learnt the same: "+digest)
				return nil
			}
			for _, l := range compareModels(models[0], models[1]) {
				fmt.Fprintln(a.out, l)
			}
			return findings()
		},
	}
}

// describeModel lists a model, one fact a line.
func describeModel(m *model.Model) []string {
	lines := []string{
		"model " + m.Name,
		"digest " + m.Digest(),
		fmt.Sprintf("rows read %d, learnt from %d", m.Seen.Read, m.Seen.Taken),
	}
	for _, c := range m.Seen.Columns {
		what := ""
		if at := m.Schema.Find(c.Name); at >= 0 && m.Schema[at].Type.IsList() {
			what = ", elements"
		}
		lines = append(lines, fmt.Sprintf("column %s%s: nulls %d, NaN %d, infinities %d", c.Name, what, c.Nulls, c.NaNs, c.PosInfs+c.NegInfs))
	}
	for _, s := range m.Learnt {
		for _, n := range s.Numbers {
			lines = append(lines, fmt.Sprintf("%s %s %s: %s = %s", s.Path, s.Feature, s.Operator, n.Name, n.Decimal()))
		}
	}
	for i, f := range m.Serving.Fields() {
		line := fmt.Sprintf("feature %s %v", f.Name, f.Type)
		if m.Sizes[i] > 0 {
			line += fmt.Sprintf(", %d ids", m.Sizes[i])
		}
		lines = append(lines, line)
	}
	for _, p := range m.Serving.Tables {
		lines = append(lines, fmt.Sprintf("table %s: %d keys of %v", p.Name, p.Keys.Len, p.Keys.Type))
	}
	return lines
}

// shown is the JSON of `model show`.
type shown struct {
	Name     string       `json:"name"`
	Digest   string       `json:"digest"`
	Seen     model.Seen   `json:"seen"`
	Learnt   []learntJSON `json:"learnt"`
	Columns  []fieldJSON  `json:"columns"`
	Features []fieldJSON  `json:"features"`
}

// learntJSON is a model.Step whose numbers have their decimals too.
type learntJSON struct {
	Feature  string       `json:"feature"`
	Path     string       `json:"path"`
	Operator string       `json:"operator"`
	Numbers  []numberJSON `json:"numbers"`
}

// numberJSON is a fitted number: exactly, and in decimal where that is another text.
type numberJSON struct {
	features.Number
	Decimal string `json:"decimal,omitempty"`
}

func learntOf(steps []model.Step) []learntJSON {
	all := make([]learntJSON, len(steps))
	for i, s := range steps {
		all[i] = learntJSON{Feature: s.Feature, Path: s.Path, Operator: s.Operator, Numbers: make([]numberJSON, len(s.Numbers))}
		for j, n := range s.Numbers {
			all[i].Numbers[j].Number = n
			if d := n.Decimal(); d != n.Text {
				all[i].Numbers[j].Decimal = d
			}
		}
	}
	return all
}

func shownOf(m *model.Model) shown {
	s := shown{Name: m.Name, Digest: m.Digest(), Seen: m.Seen, Learnt: learntOf(m.Learnt)}
	s.Columns, s.Features = fieldsJSON(m.Schema), fieldsJSON(m.Serving.Fields())
	for i, size := range m.Sizes {
		s.Features[i].Ids = size
	}
	return s
}
