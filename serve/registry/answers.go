package registry

import (
	"slices"

	"quern/features/diag"
	"quern/serve/lookup"
)

// missing is the error for a name that nothing has, as far as the caller sees.
func missing(code diag.Code, what, name string) error {
	const most = 120
	if len(name) > most {
		name = name[:most] + "..."
	}
	return diag.New(code, "%s %q does not exist", what, name).In(diag.Data{File: what, RowGroup: -1, Row: -1, Column: name})
}

func (w *seen) getView(name string) (message, error) {
	v := w.view(name)
	if v == nil {
		return nil, missing("Q601", "feature view", name)
	}
	return w.viewMessage(v), nil
}

// getAnyView is {any_feature_view = 1 {feature_view = 1}}.
func (w *seen) getAnyView(name string) (message, error) {
	m, err := w.getView(name)
	if err != nil {
		return nil, err
	}
	return message(nil).message(1, message(nil).message(1, m)), nil
}

func (w *seen) getEntity(name string) (message, error) {
	for i := range w.entities {
		if w.entities[i].name == name {
			return w.entityMessage(&w.entities[i]), nil
		}
	}
	return nil, missing("Q626", "entity", name)
}

func (w *seen) getService(name string) (message, error) {
	if !slices.Contains(w.services, name) {
		return nil, missing("Q603", "feature service", name)
	}
	return w.serviceMessage(name), nil
}

func (w *seen) getSource(name string) (message, error) {
	if slices.Contains(w.sources, name) {
		return w.pushMessage(name, w.fed(name)), nil
	}
	for i := range w.views {
		if batchName(w.views[i].View) == name {
			return w.batchMessage(w.views[i].View), nil
		}
	}
	return nil, missing("Q626", "data source", name)
}

// fed returns the first view that the caller sees of those that a push source feeds.
func (w *seen) fed(source string) *lookup.View {
	for _, name := range w.all.Sources[source] {
		if v := w.view(name); v != nil {
			return v.View
		}
	}
	panic("quern: bug: a push source is seen that feeds nothing")
}

func (w *seen) getProject(string) (message, error) { return w.projectMessage(), nil }

// listViews is {feature_views = 1}, of FeatureViews or of AnyFeatureViews.
func (w *seen) listViews(tags map[string]string, wrapped bool) (m message) {
	for i := range w.views {
		v := &w.views[i]
		if !has(tagsOf(v), tags) {
			continue
		}
		one := w.viewMessage(v)
		if wrapped {
			one = message(nil).message(1, one)
		}
		m = m.message(1, one)
	}
	return m
}

// has reports whether tags has all of want.
func has(tags, want map[string]string) bool {
	for k, v := range want {
		if have, ok := tags[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// listEntities is {entities = 1}.
func (w *seen) listEntities(tags map[string]string) (m message) {
	for i := range w.entities {
		if len(tags) == 0 {
			m = m.message(1, w.entityMessage(&w.entities[i]))
		}
	}
	return m
}

// listServices is {feature_services = 1}.
func (w *seen) listServices(tags map[string]string) (m message) {
	for _, name := range w.services {
		if len(tags) == 0 {
			m = m.message(1, w.serviceMessage(name))
		}
	}
	return m
}

// listSources is {data_sources = 1}.
func (w *seen) listSources(tags map[string]string) (m message) {
	if len(tags) > 0 {
		return nil
	}
	for i := range w.views {
		m = m.message(1, w.batchMessage(w.views[i].View))
	}
	for _, name := range w.sources {
		m = m.message(1, w.pushMessage(name, w.fed(name)))
	}
	return m
}

// listProjects is {projects = 1}.
func (w *seen) listProjects(tags map[string]string) message {
	if len(tags) > 0 {
		return nil
	}
	return message(nil).message(1, w.projectMessage())
}
