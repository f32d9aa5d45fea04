package ipc

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// route is one row of the table: what a method on a path does, and what it may carry.
type route struct {
	method, path string
	// query is true if the request may have a query; body is the largest body it may have, in bytes, 0 for none.
	query bool
	body  int64
	// serve answers, or returns the error to answer.
	serve func(ctx context.Context, c *call) error
	// stream is true if the answer may take as long as it likes; the context of any other has a deadline.
	stream bool
}

// call is one HTTP request on its way through a route.
type call struct {
	w http.ResponseWriter
	r *http.Request
	// account is the {name} in the path, well formed; "" if the path has none.
	account string
	// body is all of the body; nil if the route takes none.
	body []byte
}

func (sv *serving) routes() []route {
	if sv.socket != nil {
		return slices.Concat(sv.tokenRoutes(), sv.proofRoutes(), sv.watchRoutes())
	}
	return slices.Concat(
		sv.tokenRoutes(), sv.proofRoutes(), sv.holdRoutes(),
		sv.accountRoutes(),
		sv.loginRoutes(),
		sv.importRoutes(),
		sv.providerRoutes(), sv.matchRoutes(), sv.policyRoutes(), sv.proxiedRoutes(),
		sv.watchRoutes(),
		sv.fileRoutes(),
		sv.socketRoutes(),
		sv.lockRoutes(),
		sv.storeRoutes(),
		sv.controlRoutes(),
	)
}

// handler serves the routes. A path without a variable part is looked up directly, because ServeMux takes longer for
// that than a cached token takes.
func (sv *serving) handler() http.Handler {
	byPath := make(map[string][]route)
	for _, r := range sv.routes() {
		byPath[r.path] = append(byPath[r.path], r)
	}
	exact := make(map[string]http.Handler)
	mux := http.NewServeMux()
	mux.HandleFunc("/", sv.unknownPath)
	for path, routes := range byPath {
		if h := sv.methods(routes); strings.Contains(path, "{") {
			mux.Handle(path, h)
		} else {
			exact[path] = h
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h, ok := exact[r.URL.Path]; ok {
			r.Pattern = r.URL.Path
			h.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// methods chooses among the routes of one path.
func (sv *serving) methods(routes []route) http.Handler {
	var allowed []string
	for _, rt := range routes {
		allowed = append(allowed, rt.method)
	}
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := range routes {
			if routes[i].method == r.Method {
				sv.run(&routes[i], w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		sv.failStatus(w, r, http.StatusMethodNotAllowed, badRequest("this path does not take "+r.Method, "it takes "+allow))
	})
}

// unknownPath answers 404 although bad_request is 400 elsewhere: there is no code for a path that does not exist,
// because no client of ours asks for one, and HTTP tools expect 404.
func (sv *serving) unknownPath(w http.ResponseWriter, r *http.Request) {
	sv.failStatus(w, r, http.StatusNotFound, badRequest("there is no such path", "all paths begin with /v1/, such as "+api.PathToken))
}

// run checks what a request carries against its route, reads its body and serves it.
func (sv *serving) run(rt *route, w http.ResponseWriter, r *http.Request) {
	c := &call{w: w, r: r}
	if strings.Contains(rt.path, "{name}") {
		c.account = r.PathValue("name")
	}
	err := rt.check(c)
	switch {
	case err != nil:
	case rt.body > 0:
		c.body, err = sv.readBody(w, r, rt.body)
	default:
		err = connOf(r).whole()
	}
	if err == nil {
		err = sv.serve(rt, c)
	}
	if err != nil {
		sv.fail(w, r, c.account, err)
	}
}

func (sv *serving) serve(rt *route, c *call) (err error) {
	defer recovered(&err)
	ctx := c.r.Context()
	if !rt.stream {
		limited := withDeadline(ctx, time.Now(), sv.limits.request)
		defer limited.end()
		ctx = limited
	}
	return rt.serve(ctx, c)
}

func (rt *route) check(c *call) error {
	switch {
	case !rt.query && c.r.URL.RawQuery != "":
		return badRequest("this request takes no query", "leave out what follows the question mark")
	case rt.body == 0 && c.r.ContentLength != 0:
		return badRequest("this request takes no body", "send it without one")
	case strings.Contains(rt.path, "{name}"):
		return api.CheckAccountName(c.account)
	}
	return nil
}
