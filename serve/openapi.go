package serve

import (
	_ "embed"
	"net/http"

	"quern/serve/access"
)

// openAPI describes the calls over HTTP. A test holds it against the table of routes, and
// runs its examples.
//
//go:embed openapi.json
var openAPI []byte

// describeRoutes are the calls that describe the others.
func (s *Server) describeRoutes() []*route {
	return []*route{{path: "/openapi.json", verb: http.MethodGet, label: "other", needs: access.Known, light: true, answer: serveOpenAPI}}
}

// serveOpenAPI answers GET /openapi.json.
func serveOpenAPI(w *work, _ *http.Request) { replyJSON(w, http.StatusOK, openAPI) }
