package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/rogpeppe/go-internal/testscript"
)

const vmEmail = "vm@project.example.com"

// cmdMetadata plays the metadata server of Compute Engine, as a daemon that is started later finds it.
//
//	metadata start    sets GCE_METADATA_HOST
//	metadata asked    writes what was asked for since the last time to the file asked, a path and query each line
func cmdMetadata(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: metadata start|asked")
	}
	w := worldOf(ts)
	switch args[0] {
	case "start":
		w.metadata = &metadataServer{}
		server := httptest.NewServer(w.metadata)
		ts.Defer(server.Close)
		ts.Setenv("GCE_METADATA_HOST", server.Listener.Addr().(*net.TCPAddr).String())
	case "asked":
		ts.Check(os.WriteFile(ts.MkAbs("asked"), []byte(w.metadata.forget()), 0o600))
	default:
		ts.Fatalf("there is no metadata %s", args[0])
	}
}

type metadataServer struct {
	mu    sync.Mutex // guards the fields below
	asked strings.Builder
	given int
}

// ServeHTTP implements [http.Handler].
func (m *metadataServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/computeMetadata/v1/instance/service-accounts/default/")
	if !ok || r.Header.Get("Metadata-Flavor") != "Google" || r.Header.Get("X-Forwarded-For") != "" {
		http.Error(w, "not a question for a metadata server", http.StatusForbidden)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintln(&m.asked, strings.TrimPrefix(r.URL.RequestURI(), "/computeMetadata/v1/instance/service-accounts/default/"))
	w.Header().Set("Metadata-Flavor", "Google")
	switch path {
	case "token":
		m.given++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":"ya29.vm-%d","expires_in":3599,"token_type":"Bearer"}`, m.given)
	case "email":
		fmt.Fprint(w, vmEmail)
	case "identity":
		fmt.Fprint(w, identityOf(r.FormValue("audience")))
	default:
		http.NotFound(w, r)
	}
}

func (m *metadataServer) forget() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.asked.Reset()
	return m.asked.String()
}

// identityOf is an ID token that nobody here verifies: the service it is for does.
func identityOf(audience string) string {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return ""
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, nil)
	if err != nil {
		return ""
	}
	claims, err := json.Marshal(map[string]any{"aud": audience, "email": vmEmail, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		return ""
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		return ""
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return ""
	}
	return compact
}
