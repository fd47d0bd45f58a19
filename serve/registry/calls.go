package registry

import (
	"context"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/diag"
	"quern/serve/protofield"
)

// Path is where the calls are: Path and the name of one.
const Path = "/feast.registry.RegistryServer/"

// call is a method of the service.
type call struct {
	name string
	// The numbers of the request's fields: the project (0: it has none) and the tags of a
	// list; a get has its name in 1.
	project, tags protowire.Number
	get           func(w *seen, name string) (message, error)
	list          func(w *seen, tags map[string]string) message
}

// calls lists what is answered. In alphabetical order.
func calls() []call {
	const one, two, three = 1, 2, 3
	return []call{
		{"GetAnyFeatureView", two, 0, (*seen).getAnyView, nil},
		{"GetDataSource", two, 0, (*seen).getSource, nil},
		{"GetEntity", two, 0, (*seen).getEntity, nil},
		{"GetFeatureService", two, 0, (*seen).getService, nil},
		{"GetFeatureView", two, 0, (*seen).getView, nil},
		{"GetProject", one, 0, (*seen).getProject, nil},
		{"ListAllFeatureViews", one, three, nil, func(w *seen, tags map[string]string) message { return w.listViews(tags, true) }},
		{"ListDataSources", one, three, nil, (*seen).listSources},
		{"ListEntities", one, three, nil, (*seen).listEntities},
		{"ListFeatureServices", one, three, nil, (*seen).listServices},
		{"ListFeatureViews", one, three, nil, func(w *seen, tags map[string]string) message { return w.listViews(tags, false) }},
		{"ListLabelViews", one, three, nil, nothing},
		{"ListOnDemandFeatureViews", one, three, nil, nothing},
		{"ListPermissions", one, three, nil, nothing},
		{"ListProjects", 0, two, nil, (*seen).listProjects},
		{"ListSavedDatasets", one, three, nil, nothing},
		{"ListStreamFeatureViews", one, three, nil, nothing},
		{"ListValidationReferences", one, three, nil, nothing},
		{"Refresh", one, 0, nil, nothing},
	}
}

// nothing is the list of what quern does not have.
func nothing(*seen, map[string]string) message { return nil }

// Methods returns the names of the calls that Answer knows, in order.
func Methods() (names []string) {
	for _, c := range calls() {
		names = append(names, c.name)
	}
	return names
}

// Answer answers a call: it appends the reply's message to dst. It fails with Q601 (no
// such view), Q603 (no such service), Q626 (nothing of that name), Q627 (a filter that
// quern does not know) and Q614.
func (s *Service) Answer(ctx context.Context, method string, request, dst []byte) ([]byte, error) {
	all := calls()
	i := slices.IndexFunc(all, func(c call) bool { return c.name == method })
	if i < 0 {
		panic("quern: bug: no call " + method)
	}
	c := &all[i]
	r, err := c.read(request)
	if err != nil {
		return dst, err
	}
	content, done := s.Content()
	defer done()
	w := s.look(ctx, &content, r.project)
	if c.get == nil {
		return append(dst, c.list(w, r.tags)...), nil
	}
	m, err := c.get(w, r.name)
	return append(dst, m...), err
}

// request is what the messages of all calls have.
type request struct {
	name, project string
	tags          map[string]string
}

// read reads a request. What is left is allow_cache, of no account here, and filters.
func (c *call) read(b []byte) (r request, err error) {
	r.tags = map[string]string{}
	err = protofield.Each(b, func(f protofield.Field) error {
		switch {
		case f.Kind != protowire.BytesType:
			return nil
		case f.Number == 1 && c.get != nil:
			r.name = string(f.Bytes)
			if c.project == 1 {
				r.project = r.name
			}
		case f.Number == c.project:
			r.project = string(f.Bytes)
		case f.Number == c.tags:
			return r.addTag(f.Bytes)
		case c.list != nil && len(f.Bytes) > 0:
			return diag.New("Q627", "field %d of %s chooses what to list, and tags are the only choice here", f.Number, c.name)
		}
		return nil
	})
	if err == nil && !utf8.ValidString(r.name+r.project) {
		err = diag.New("Q614", "a name is not UTF-8")
	}
	return r, err
}

// addTag reads an entry of a map of tags.
func (r *request) addTag(entry []byte) error {
	var key, value string
	err := protofield.Each(entry, func(f protofield.Field) error {
		switch {
		case f.Is(1, protowire.BytesType):
			key = string(f.Bytes)
		case f.Is(2, protowire.BytesType):
			value = string(f.Bytes)
		}
		return nil
	})
	r.tags[key] = value
	return err
}
