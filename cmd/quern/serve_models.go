package main

import (
	"context"

	"github.com/spf13/cobra"

	"quern/cpu"
	"quern/features/backend"
	"quern/serve"
	"quern/serve/live"
	"quern/serve/transform"
)

// modelFlags say which models compute features on request.
type modelFlags struct {
	files []string
	none  bool
}

func (f *modelFlags) register(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.files, "model", nil, "a model that computes features on request, without a view (may be repeated)")
	c.Flags().BoolVar(&f.none, "no-transform", false, "do not load the models of views: their features cannot be computed on request")
}

// backend returns what computes the features of views; nil: nothing is to.
func (f *modelFlags) backend() backend.Backend {
	if f.none {
		return nil
	}
	return cpu.New()
}

// open reads the models of --model. The server is theirs alone where no store is given.
func (f *modelFlags) open(ctx context.Context, a *app, config *serve.Config) error {
	for _, path := range f.files {
		m, err := a.readModel(ctx, path)
		if err != nil {
			return err
		}
		t, err := transform.New(m, cpu.New())
		if err != nil {
			return err
		}
		if config.Models == nil {
			config.Models = map[string]*transform.Transformer{}
		}
		if config.Models[m.Name] != nil {
			return usage("two models of --model are called %q", m.Name)
		}
		config.Models[m.Name] = t
	}
	return nil
}

// openServed opens what f says is served: the views of a store, and models.
func (a *app) openServed(ctx context.Context, f *serveFlags, config *serve.Config) (err error) {
	if err := f.models.open(ctx, a, config); err != nil {
		return err
	}
	if f.store == "" && len(config.Models) > 0 {
		config.Generations = live.NewGenerations(live.NoViews{}, config.Log)
		return nil
	}
	config.Generations, err = a.openViews(live.Published{Mirror: f.mirror, Backend: f.models.backend()}, f.store, config.Log)
	return err
}
