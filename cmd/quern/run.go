package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"quern/cmd/quern/table"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
)

func (a *app) runCommand() *cobra.Command {
	var modelPath string
	var overwrite bool
	var many procsFlags
	c := &cobra.Command{
		Use:   "run RECIPE",
		Short: "Fit a recipe and write the outputs that it names",
		Long: `Learns a model from the recipe's source, writes the outputs that the recipe
names, with training values in the rows that were learnt from, and writes the
model beside the recipe. An interrupted run is finished by the same command. With
--procs child processes do the work, and the bytes are the same.`,
		Example:           "  quern run examples/flights/recipe.yaml --overwrite\n  quern run recipe.yaml --procs 4",
		Args:              takes("RECIPE"),
		ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := readRecipe(args[0])
			if err != nil {
				return err
			}
			path := beside(modelPath, r)
			if many.given(c) {
				return a.runProcs(c.Context(), r, path, overwrite, many)
			}
			if r.Output.Parquet == nil && r.Output.Tensor == nil {
				fmt.Fprintln(a.err, "note: the recipe names no output: only the model is written")
				return a.learn(c.Context(), job{}, r, path, pipeline.Fit)
			}
			return a.learn(c.Context(), job{overwrite: overwrite, resumes: true}, r, path, pipeline.Run)
		},
	}
	c.Flags().StringVarP(&modelPath, "output", "o", "", "model file (default: NAME.quern beside the recipe)")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "replace finished outputs")
	many.add(c)
	a.deviceFlag(c)
	return c
}

// learn does a job that runs or fits a recipe and writes the model.
func (a *app) learn(ctx context.Context, j job, r *recipe.Recipe, path string,
	how func(context.Context, *recipe.Recipe, pipeline.Options) (*pipeline.Result, error)) error {
	j.next = "model show " + relative(path)
	j.do = func(ctx context.Context, o pipeline.Options) (*pipeline.Result, error) {
		o.Fitted = func(m *model.Model) error { return a.writeModel(ctx, path, m) }
		return how(ctx, r, o)
	}
	return a.work(ctx, j)
}

func (a *app) fitCommand() *cobra.Command {
	var modelPath string
	var sources []string
	c := &cobra.Command{
		Use:               "fit RECIPE",
		Short:             "Learn a model from a recipe's source",
		Long:              "Learns a model from the recipe's source, or from the files of --source, and writes\nit beside the recipe. No output is written: see run and transform.",
		Example:           "  quern fit recipe.yaml --source 'flights-2001*.parquet' -o flights.quern",
		Args:              takes("RECIPE"),
		ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := readRecipe(args[0])
			if err != nil {
				return err
			}
			replaceSource(r, sources)
			return a.learn(c.Context(), job{}, r, beside(modelPath, r), pipeline.Fit)
		},
	}
	c.Flags().StringVarP(&modelPath, "output", "o", "", "model file (default: NAME.quern beside the recipe)")
	c.Flags().StringArrayVar(&sources, "source", nil, "files to read instead of the recipe's (may be repeated)")
	a.deviceFlag(c)
	return c
}

func (a *app) transformCommand() *cobra.Command {
	var sources []string
	var out string
	var training, overwrite bool
	c := &cobra.Command{
		Use:   "transform MODEL",
		Short: "Write a source's features with a model that was fitted before",
		Long: `Writes the features of the recipe's source, or of the files of --source, with a
model that was fitted before: serving values, as they are served online. With
--training the rows that fit.where takes get training values, as in run.`,
		Example:           "  quern transform flights.quern --source july.parquet -o out/july",
		Args:              takes("MODEL"),
		ValidArgsFunction: completeModel(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, r, err := a.readModelRecipe(c.Context(), args[0])
			if err != nil {
				return err
			}
			replaceSource(r, sources)
			redirect(r, out)
			if r.Output.Parquet == nil && r.Output.Tensor == nil {
				return usage("the model's recipe names no output").WithHint("say where to write: -o FOLDER")
			}
			return a.work(c.Context(), job{overwrite: overwrite, resumes: true, do: func(ctx context.Context, o pipeline.Options) (*pipeline.Result, error) {
				if err := retype(ctx, r, m, o); err != nil {
					return nil, err
				}
				return pipeline.Transform(ctx, m, r, training, o)
			}})
		},
	}
	c.Flags().StringArrayVar(&sources, "source", nil, "files to read instead of the recipe's (may be repeated)")
	c.Flags().StringVarP(&out, "output", "o", "", "folder to write to (default: as the recipe says)")
	c.Flags().BoolVar(&training, "training", false, "training values in the rows that fit.where takes")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "replace finished outputs")
	a.deviceFlag(c)
	return c
}

// readRecipe reads and parses a recipe file.
func readRecipe(path string) (*recipe.Recipe, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, diag.New("Q510", "cannot read the recipe").Because(err)
	}
	return recipe.Parse(path, text)
}

// replaceSource makes the recipe read other files, of the current folder. Their names
// say their format, where they say any.
func replaceSource(r *recipe.Recipe, paths []string) {
	if len(paths) == 0 {
		return
	}
	r.Source.Files, r.Source.Place = nil, diag.Place{}
	if format, ok := table.FormatOf(paths[0]); ok && format != r.Source.Format {
		r.Source.Format, r.Source.CSV, r.Source.Schema = format, recipe.CSV{}, nil
	}
	for _, p := range paths {
		r.Source.Files = append(r.Source.Files, recipe.Name{Text: store.Abs(p)})
	}
}

// retype makes the types of the recipe's schema fit the source that it reads now.
// Types of columns that the source lacks are dropped, unless the features need them.
// Columns of text files get the types that the model has for them: text does not say
// its types, and other rows may look like others.
func retype(ctx context.Context, r *recipe.Recipe, m *model.Model, o pipeline.Options) error {
	if r.Source.CSV.NoHeader || r.Source.Format == recipe.Parquet && len(r.Source.Schema) == 0 {
		return nil
	}
	bare := *r
	bare.Source.Schema = nil
	src, err := pipeline.Open(ctx, &bare, o)
	if err != nil {
		return err
	}
	defer src.Close()
	have, unusable := src.Schema(), src.Unusable()
	given := map[string]bool{}
	r.Source.Schema = slices.DeleteFunc(slices.Clone(r.Source.Schema), func(t recipe.Typed) bool {
		name := t.Name.Text
		given[name] = true
		return have.Find(name) < 0 && unusable[name] == "" && !needs(m, name)
	})
	if r.Source.Format == recipe.Parquet {
		return nil
	}
	for _, f := range m.Schema {
		if at := have.Find(f.Name); at >= 0 && have[at].Type != f.Type && !given[f.Name] {
			r.Source.Schema = append(r.Source.Schema, recipe.Typed{Name: recipe.Name{Text: f.Name}, Type: f.Type})
		}
	}
	return nil
}

// needs reports whether a model cannot do without a column: features or source.where
// are made of it. Labels and kept columns may be missing.
func needs(m *model.Model, name string) bool {
	return m.Serving.Inputs.Find(name) >= 0 || m.Where != nil && m.Where.Inputs.Find(name) >= 0
}

// redirect makes the recipe write below another folder: features and tensors in it.
func redirect(r *recipe.Recipe, out string) {
	if out == "" {
		return
	}
	out = store.Abs(out)
	if r.Output.Parquet == nil && r.Output.Tensor == nil {
		r.Output.Parquet = &recipe.ParquetOutput{}
	}
	both := r.Output.Parquet != nil && r.Output.Tensor != nil
	if p := r.Output.Parquet; p != nil {
		p.Path.Text = out
		if both {
			p.Path.Text = store.Join(out, "features")
		}
	}
	if t := r.Output.Tensor; t != nil {
		t.Path.Text = out
		if both {
			t.Path.Text = store.Join(out, "tensors")
		}
	}
}
