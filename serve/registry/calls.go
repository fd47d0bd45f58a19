package registry

import (
	"context"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"quern/features/diag"
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
	err = each(b, func(number protowire.Number, kind protowire.Type, value []byte) error {
		switch {
		case kind != protowire.BytesType:
			return nil
		case number == 1 && c.get != nil:
			r.name = string(value)
			if c.project == 1 {
				r.project = r.name
			}
		case number == c.project:
			r.project = string(value)
		case number == c.tags:
			return r.addTag(value)
		case c.list != nil && len(value) > 0:
			return diag.New("Q627", "field %d of %s chooses what to list, and tags are the only choice here", number, c.name)
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
	err := each(entry, func(number protowire.Number, kind protowire.Type, text []byte) error {
		switch {
		case number == 1 && kind == protowire.BytesType:
			key = string(text)
		case number == 2 && kind == protowire.BytesType:
			value = string(text)
		}
		return nil
	})
	r.tags[key] = value
	return err
}

// each calls visit at every field of a message; bytes is nil where a field is not
// length-delimited.
func each(message []byte, visit func(number protowire.Number, kind protowire.Type, bytes []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return notProtobuf(n)
		}
		message = message[n:]
		var value []byte
		if kind == protowire.BytesType {
			value, n = protowire.ConsumeBytes(message)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return notProtobuf(n)
		}
		message = message[n:]
		if err := visit(number, kind, value); err != nil {
			return err
		}
	}
	return nil
}

func notProtobuf(n int) error {
	return diag.New("Q614", "the message is not protobuf: %v", protowire.ParseError(n))
}
