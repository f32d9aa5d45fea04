//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
	"oauthd/keystore/storetest"
)

// secured starts a server that is reached over https, and returns it with the file of its certificate, which is one of
// example.com and its subdomains too.
func (d *clientDesk) secured(t *testing.T, handler http.HandlerFunc) (server *httptest.Server, cert string) {
	t.Helper()
	server = httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	cert = filepath.Join(d.dir, "cert.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(cert, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return server, cert
}

// leadsTo starts a proxy that connects everyone to one server, whatever host they ask for.
func leadsTo(t *testing.T, server *httptest.Server) (url string) {
	t.Helper()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(from, to)
			_ = from.Close()
		}()
		_, _ = io.Copy(to, from)
	}))
	t.Cleanup(proxy.Close)
	return proxy.URL
}

// moduleHost is go.example.com, which has the module go.example.com/hello for anyone with the newest token of the account
// mod: below /proxy as a module proxy, and by its import path.
type moduleHost struct {
	*clientDesk
	provider *oauthtest.Running
	vars     []string
	// hides has the host show others a page that leads elsewhere, instead of refusing them.
	hides atomic.Bool
	// missing counts what was not there, unauthorized what was refused.
	missing, unauthorized atomic.Int64
}

func newModuleHost(t *testing.T) *moduleHost {
	t.Helper()
	storetest.Need(t, "go")
	const module = "go.example.com/hello"
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	w, err := z.Create(module + "@v1.0.0/go.mod")
	if err == nil {
		_, err = io.WriteString(w, "module "+module+"\n")
	}
	if err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	pages := map[string]string{
		"/hello":                        `<meta name="go-import" content="` + module + ` mod https://go.example.com/proxy">`,
		"/proxy/" + module + "/@v/list": "v1.0.0\n", "/proxy/" + module + "/@v/v1.0.0.info": `{"Version":"v1.0.0"}`,
		"/proxy/" + module + "/@v/v1.0.0.mod": "module " + module + "\n", "/proxy/" + module + "/@v/v1.0.0.zip": file.String(),
	}
	h := &moduleHost{clientDesk: newDesktop(t)}
	h.provider = h.login(t, "mod")
	server, cert := h.secured(t, func(w http.ResponseWriter, r *http.Request) {
		newest := h.newest(r, "mod")
		h.mu.Lock()
		refused := newest == "" || newest == h.refused || r.Header.Get("Authorization") != "Bearer "+newest
		h.mu.Unlock()
		page, found := pages[r.URL.Path]
		switch {
		case refused && h.hides.Load() && r.URL.Path == "/hello":
			_, _ = io.WriteString(w, strings.ReplaceAll(page, "/proxy", "/nowhere"))
		case refused:
			h.unauthorized.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
		case !found:
			h.missing.Add(1)
			http.NotFound(w, r)
		default:
			_, _ = io.WriteString(w, page)
		}
	})
	h.vars = []string{
		"OAUTHD_SOCK=" + h.socket(), "SSL_CERT_FILE=" + cert, "HTTPS_PROXY=" + leadsTo(t, server), "GOSUMDB=off", "GOTOOLCHAIN=local",
		"GOFLAGS=-modcacherw", "GOVCS=*:off", "GOTELEMETRY=off",
	}
	return h
}

// download has go get the module into a cache of its own, by way of those proxies, at a terminal.
func (h *moduleHost) download(t *testing.T, proxies string) (exit int, screen string) {
	t.Helper()
	cache, err := os.MkdirTemp(h.dir, "go")
	if err != nil {
		t.Fatal(err)
	}
	exit, screen, _ = h.run(t, append(h.vars, "GOPROXY="+proxies, "GOPATH="+cache), "script", "-qec", "go mod download go.example.com/hello@v1.0.0", "/dev/null")
	if kinds := leaks(screen, true); len(kinds) > 0 {
		t.Errorf("the screen shows %s", strings.Join(kinds, ", "))
	}
	_, err = os.Stat(filepath.Join(cache, "pkg", "mod", "go.example.com", "hello@v1.0.0", "go.mod"))
	if (exit == 0) != (err == nil) {
		t.Errorf("got exit %d, and the module: %v, %s", exit, err, screen)
	}
	return exit, screen
}

func (h *moduleHost) must(t *testing.T, proxies string) {
	t.Helper()
	if exit, screen := h.download(t, proxies); exit != 0 {
		t.Fatalf("from %s: got exit %d, %s", proxies, exit, screen)
	}
}

func (h *moduleHost) helper(t *testing.T, args ...string) {
	t.Helper()
	if exit, stdout, stderr := h.run(t, h.vars, append([]string{"oauthd", "helper"}, args...)...); exit != 0 {
		t.Fatalf("oauthd helper %q: got exit %d, %s, %s", args, exit, stdout, stderr)
	}
}

func TestGOAUTH(t *testing.T) {
	storetest.Need(t, "script")
	h := newModuleHost(t)
	const proxy = "https://go.example.com/proxy"
	h.helper(t, "install", "goauth", "--write")
	if exit, screen := h.download(t, proxy); exit == 0 || !strings.Contains(screen, "401 Unauthorized") || strings.Contains(screen, "oauthd") {
		t.Errorf("an unknown host: got exit %d, %s, want go's own failure", exit, screen)
	}
	h.allow(t, "mod", "go.example.com")
	for _, proxies := range []string{proxy, "direct", proxy} {
		h.must(t, proxies)
		h.replace(t, "mod")
	}

	// What is not there has nothing to do with the token, and one refused request is enough for all of a host's.
	before := h.provider.Requests(oauthtest.Token)
	h.unauthorized.Store(0)
	h.must(t, "https://go.example.com/empty,https://go.example.com/none,"+proxy)
	if n := h.provider.Requests(oauthtest.Token) - before; n != 0 || h.missing.Load() < 2 || h.unauthorized.Load() != 1 {
		t.Errorf("got %d refreshes, %d answers of 404 and %d of 401, want none, some and one", n, h.missing.Load(), h.unauthorized.Load())
	}

	for _, o := range h.obstacles("mod", h.provider) {
		t.Run(o.name, func(t *testing.T) {
			if err := o.put(t); err != nil {
				t.Fatal(err)
			}
			if exit, screen := h.download(t, proxy); exit == 0 || strings.Count(screen, "hint: ") != 1 || !strings.Contains(screen, o.want) || !strings.Contains(screen, "401 Unauthorized") {
				t.Errorf("got exit %d, %s, want go's failure below %q, once", exit, screen, o.want)
			}
		})
	}
	h.helper(t, "uninstall", "goauth")
	if _, value, _ := h.run(t, h.vars, "go", "env", "-changed", "GOAUTH"); value != "" {
		t.Errorf("uninstall: got %q, want GOAUTH as go has it by default", value)
	}
}

// A host that is named gets its token in the first request, and another one if that is refused.
func TestGOAUTHWithHosts(t *testing.T) {
	storetest.Need(t, "script")
	h := newModuleHost(t)
	h.allow(t, "mod", "go.example.com")
	h.hides.Store(true)
	h.helper(t, "install", "goauth", "--write")
	if exit, screen := h.download(t, "direct"); exit == 0 {
		t.Errorf("a page for others: got exit %d, %s, want it to lead nowhere", exit, screen)
	}
	h.helper(t, "install", "goauth", "--host", "go.example.com", "--write")
	before := h.provider.Requests(oauthtest.Token)
	h.unauthorized.Store(0)
	h.must(t, "direct")
	if n := h.provider.Requests(oauthtest.Token) - before; n != 0 || h.unauthorized.Load() != 0 {
		t.Errorf("got %d refreshes and %d answers of 401, want none", n, h.unauthorized.Load())
	}
	h.hides.Store(false)
	old, err := h.client.Token(t.Context(), api.TokenRequest{Account: "mod"})
	if err != nil {
		t.Fatal(err)
	}
	h.refuse(old.AccessToken)
	h.must(t, "direct")
	if n := h.provider.Requests(oauthtest.Token) - before; n != 1 || h.unauthorized.Load() != 1 {
		t.Errorf("a refused token: got %d refreshes and %d answers of 401, want one", n, h.unauthorized.Load())
	}
}
