package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdProtected plays a server whose tokens come from the script's provider, as it says itself (RFC 9728).
//
//	protected start             sets $RESOURCE to its URL
//	protected says FILE         from now on its metadata is that file, with $RESOURCE and $ISSUER for what these are; -
//	                            means the truth
//	protected redirect URL      from now on it redirects there instead
//	protected huge              from now on its metadata is 10 MB
//	protected challenge TEXT    from now on that is its challenge; "" means that it has none
func cmdProtected(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 || len(args) > 2 {
		ts.Fatalf("usage: protected start|says FILE|redirect URL|huge|challenge TEXT")
	}
	w := worldOf(ts)
	if args[0] == "start" {
		w.protected = &protectedServer{document: protectedTruth}
		server := httptest.NewUnstartedServer(w.protected)
		resource := "http://" + server.Listener.Addr().String() + "/mcp"
		w.protected.names = strings.NewReplacer("$RESOURCE", resource, "$ISSUER", ts.Getenv("ISSUER"))
		server.Start()
		ts.Defer(server.Close)
		ts.Setenv("RESOURCE", resource)
		return
	}
	s := w.protected
	if s == nil {
		ts.Fatalf("no protected server was started")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch what := strings.Join(args, " "); {
	case what == "says -":
		s.document, s.redirect = protectedTruth, ""
	case args[0] == "says" && len(args) == 2:
		s.document, s.redirect = ts.ReadFile(args[1]), ""
	case args[0] == "redirect" && len(args) == 2:
		s.redirect = args[1]
	case what == "huge":
		s.document, s.redirect = `{"filler":"`+strings.Repeat("x", 10<<20)+`"}`, ""
	case args[0] == "challenge" && len(args) == 2:
		s.challenge = args[1]
	default:
		ts.Fatalf("there is no protected %s", what)
	}
}

const protectedTruth = `{"resource":"$RESOURCE","authorization_servers":["$ISSUER"],"scopes_supported":["openid","email","calendar.read"]}`

// protectedServer lets nobody in.
type protectedServer struct {
	names *strings.Replacer // of what a document leaves open

	mu                            sync.Mutex // guards the fields below
	document, redirect, challenge string
}

// ServeHTTP implements [http.Handler].
func (s *protectedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	document, redirect, challenge := s.document, s.redirect, s.challenge
	s.mu.Unlock()
	switch {
	case !strings.HasPrefix(r.URL.Path, "/.well-known/"):
		w.Header().Set("WWW-Authenticate", challenge)
		w.WriteHeader(http.StatusUnauthorized)
	case redirect != "":
		http.Redirect(w, r, redirect, http.StatusFound)
	default:
		_, _ = io.WriteString(w, s.names.Replace(document))
	}
}
