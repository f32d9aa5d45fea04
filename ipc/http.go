package ipc

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// route is one row of the table: what a method on a path does, and what it may carry.
type route struct {
	method, path string
	// query says that the request may have a query; body is the largest body it may have, 0 for none.
	query bool
	body  int64
	// serve answers, or returns the error to answer. It is called with the request's deadline, logins excepted.
	serve  func(ctx context.Context, w http.ResponseWriter, r *http.Request) error
	stream bool
}

func (sv *serving) routes() []route {
	return []route{
		{method: "GET", path: api.PathToken, query: true, serve: sv.getToken},
		{method: "POST", path: api.PathToken, body: maxTokenRequest, serve: sv.postToken},
		{method: "GET", path: api.PathAccounts, serve: sv.getAccounts},
		{method: "GET", path: api.PathAccount, serve: sv.getAccount},
		{method: "DELETE", path: api.PathAccount, serve: sv.deleteAccount},
		{method: "POST", path: api.PathLogin, body: maxDefinition, serve: sv.postLogin, stream: true},
		{method: "POST", path: api.PathCallback, body: maxTokenRequest, serve: sv.postCallback},
		{method: "POST", path: api.PathLogout, serve: sv.postLogout},
		{method: "GET", path: api.PathProviders, serve: sv.getProviders},
		{method: "GET", path: api.PathProvider, serve: sv.getProvider},
		{method: "GET", path: api.PathStatus, serve: sv.getStatus},
		{method: "POST", path: api.PathShutdown, serve: sv.postShutdown},
		{method: "POST", path: api.PathLock, serve: sv.postLock},
		{method: "POST", path: api.PathUnlock, body: maxTokenRequest, serve: sv.postUnlock},
		{method: "POST", path: api.PathReload, serve: sv.postReload},
		{method: "GET", path: api.PathWatch, query: true, serve: sv.getWatch, stream: true},
		{method: "POST", path: api.PathImport, body: maxImport, serve: sv.postImport, stream: true},
	}
}

func (sv *serving) httpServer() *http.Server {
	methods := make(map[string][]route)
	for _, r := range sv.routes() {
		methods[r.path] = append(methods[r.path], r)
	}
	mux := http.NewServeMux()
	for pattern, routes := range methods {
		mux.Handle(pattern, sv.methods(routes))
	}
	mux.HandleFunc("/", sv.unknownPath)
	return &http.Server{
		Handler:           sv.guard(mux),
		ReadHeaderTimeout: sv.limits.message,
		IdleTimeout:       sv.limits.idleHTTP,
		MaxHeaderBytes:    maxTokenRequest,
		// What net/http reports is about malformed requests, whose content stays out of the log.
		ErrorLog:    log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return sv.base },
		ConnContext: func(ctx context.Context, nc net.Conn) context.Context {
			if c, ok := nc.(*conn); ok {
				return account.WithCaller(ctx, c.caller)
			}
			return ctx
		},
		ConnState: func(nc net.Conn, state http.ConnState) {
			c, ok := nc.(*conn)
			switch {
			case ok && state == http.StateNew:
				sv.work.Add(1)
			case ok && state == http.StateClosed:
				sv.leave(c)
				sv.work.Done()
			}
		},
	}
}

// guard decides, for all routes at once, whether a request may come in: a web page must not be able to send one.
func (sv *serving) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sv.cfg.Requested()
		if err := admissible(r); err != nil {
			sv.fail(w, r, "", err)
			return
		}
		// ServeMux would answer such a path with a redirect.
		if !strings.HasPrefix(r.URL.Path, "/") || path.Clean(r.URL.Path) != r.URL.Path {
			sv.unknownPath(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func admissible(r *http.Request) error {
	host := r.Host
	if strings.Contains(host, ":") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
	}
	if !strings.EqualFold(host, api.Host) && !strings.EqualFold(host, "localhost") {
		return &api.Error{
			Code: api.Forbidden, Message: "the Host header must be oauthd or localhost", Hint: "use http://oauthd/v1/…",
		}
	}
	for _, name := range [...]string{"Origin", "Referer"} {
		if _, ok := r.Header[name]; ok {
			return &api.Error{Code: api.Forbidden, Message: "requests with an " + name + " header are refused",
				Hint: "a web page may not use this API; call it from a program"}
		}
	}
	return nil
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
		sv.failStatus(w, r, http.StatusMethodNotAllowed, badRequest("this path takes %s", allow))
	})
}

// unknownPath answers 404 although bad_request is 400 elsewhere: there is no code for a path that does not exist,
// because no client of ours asks for one, and HTTP tools expect 404.
func (sv *serving) unknownPath(w http.ResponseWriter, r *http.Request) {
	sv.failStatus(w, r, http.StatusNotFound, badRequest("there is no such path"))
}

// run checks what a request carries against its route and serves it.
func (sv *serving) run(rt *route, w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	err := rt.check(r, name)
	if err == nil {
		ctx := r.Context()
		if !rt.stream {
			limited := withDeadline(ctx, sv.limits.request)
			defer limited.end()
			ctx = limited
		}
		err = func() (err error) {
			defer recovered(&err)
			return rt.serve(ctx, w, r)
		}()
	}
	if err != nil {
		sv.fail(w, r, name, err)
	}
}

func (rt *route) check(r *http.Request, name string) error {
	switch {
	case !rt.query && r.URL.RawQuery != "":
		return badRequest("this request takes no query")
	case rt.body == 0 && r.ContentLength != 0:
		return badRequest("this request takes no body")
	case strings.Contains(rt.path, "{name}"):
		return api.CheckAccountName(name)
	}
	return nil
}

// readBody reads a body within the route's bound and the time a request may take to arrive.
func (sv *serving) readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(sv.limits.message))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	_ = control.SetReadDeadline(time.Time{})
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, tooLarge(int(limit))
	case err != nil:
		return nil, badRequest("the request's body did not arrive").Because(err)
	}
	return data, nil
}

// fail answers err.
func (sv *serving) fail(w http.ResponseWriter, r *http.Request, name string, err error) {
	e := sv.report(r.Context(), cmp.Or(r.Pattern, r.Method), name, err)
	writeError(w, e.Code.HTTPStatus(), e)
}

func (sv *serving) failStatus(w http.ResponseWriter, r *http.Request, status int, e *api.Error) {
	writeError(w, status, sv.report(r.Context(), cmp.Or(r.Pattern, r.Method), "", e))
}

func writeError(w http.ResponseWriter, status int, e *api.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	writeBody(w, status, append(marshalError(e), '\n'))
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := api.Marshal(v)
	if err != nil {
		return err
	}
	writeBody(w, http.StatusOK, append(b, '\n'))
	return nil
}

func writeBody(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if len(body) > 2<<10 {
		// net/http counts shorter bodies itself and sends longer ones in chunks.
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	// RFC 6749 §5.1. Its "Pragma: no-cache" is for HTTP/1.0 caches, of which there is none on a Unix socket.
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
