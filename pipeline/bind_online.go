package pipeline

import (
	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/recipe"
)

// bindOnline checks the recipe's key online: what would only fail when a model is
// published, long after it was fitted.
func (b *binder) bindOnline() {
	o := b.Recipe.Online
	if o == nil {
		return
	}
	if len(b.Recipe.Key) == 0 && !b.unsure {
		b.mistake(diag.New("Q667", "online needs a key: nobody could look a row up").At(o.Place).
			WithHint("add key: [COLUMN] to the recipe"))
	}
	if o.TTL.Text != "" && b.Recipe.Time.Text == "" && !b.unsure {
		b.mistake(diag.New("Q667", "online.ttl counts from the event time, and the recipe names none").At(o.TTL.Place).
			WithHint("add time: COLUMN to the recipe"))
	}
	for _, n := range b.Recipe.Key {
		b.servedKey(n)
	}
	for i := range o.Services {
		b.bindService(&o.Services[i])
	}
}

// servedKey checks that rows can be told apart by a column of the key.
func (b *binder) servedKey(n recipe.Name) {
	at := b.Schema.Find(n.Text)
	if at < 0 {
		return // told already
	}
	if t := b.Schema[at].Type; t.Kind() == column.Floats || t.IsList() {
		b.mistake(diag.New("Q667", "key %q is %v: what is served is looked up by integers, strings, bools, days and times", n.Text, t).At(n.Place))
	}
}

// bindService checks that all features of a service are made.
func (b *binder) bindService(s *recipe.Service) {
	for _, f := range s.Features {
		if b.outputs.Find(f.Text) < 0 && !b.isBroken(f.Text) {
			b.mistake(b.unserved(s, f))
		}
	}
}

// unserved is the mistake of a service with a feature that nothing makes.
func (b *binder) unserved(s *recipe.Service, f recipe.Name) error {
	e := diag.New("Q667", "service %s has a feature %q, which the recipe does not make", s.Name.Text, f.Text).At(f.Place)
	if near := diag.Nearest(f.Text, b.outputs.Names()); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	if b.Schema.Find(f.Text) >= 0 && !b.labelColumns[f.Text] {
		return e.WithHint("it is a column of the source: make it a feature with columns: [%s]", f.Text)
	}
	return e
}
