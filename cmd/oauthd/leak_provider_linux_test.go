package main

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"oauthd/daemon/oauthtest"
)

// decoration ends the secrets of this provider, as base64 and worse do: each way of quoting writes it differently.
const decoration = `+/="'<&>\`

// hostileReply answers a request with what it carried. quoted is all of its secrets in some encoding.
type hostileReply struct {
	name   string
	encode func(string) string
	answer func(w http.ResponseWriter, quoted string)
}

func (h hostileReply) quote(text string) string {
	if h.encode == nil {
		return text
	}
	return h.encode(text)
}

func asItIs(text string) string { return text }

// hostileReplies are the ways to quote: in each text of an answer, and where an answer should be.
func hostileReplies() (replies []hostileReply) {
	inJSON := func(status int, fields ...string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, quoted string) {
			answer := map[string]any{"error": "invalid_request"}
			for _, name := range fields {
				answer[name] = quoted
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer)
		}
	}
	raw := func(head string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, quoted string) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, strings.ReplaceAll(head, "QUOTED", quoted))
		}
	}
	for _, encoding := range []struct {
		name   string
		encode func(string) string
	}{
		{"as it is", asItIs}, {"percent-encoded", url.QueryEscape}, {"escaped as HTML", html.EscapeString},
		{"escaped as JSON", func(text string) string { b, _ := json.Marshal(text); return string(b) }},
	} {
		replies = append(replies, hostileReply{"the description, " + encoding.name, encoding.encode, inJSON(400, "error_description")})
	}
	for name, answer := range map[string]func(http.ResponseWriter, string){
		"500 with a description":     inJSON(500, "error_description", "error_uri"),
		"every text":                 inJSON(401, "error", "error_description", "error_uri", "error_subtype", "suberror"),
		"an error beside the tokens": inJSON(200, "error_description", "access_token", "refresh_token"),
		"a token of another type":    inJSON(200, "error", "token_type", "scope", "expires_in"),
		"an object": func(w http.ResponseWriter, quoted string) {
			w.WriteHeader(403)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": quoted, "status": quoted, "message": quoted}})
		},
		"a page": func(w http.ResponseWriter, quoted string) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "<h1>Error</h1>"+quoted)
		},
		"text": func(w http.ResponseWriter, quoted string) { _, _ = io.WriteString(w, quoted) },
		"half": func(w http.ResponseWriter, quoted string) { _, _ = io.WriteString(w, `{"access_token": "`+quoted) },
		"headers": func(w http.ResponseWriter, quoted string) {
			for _, name := range []string{"Retry-After", "WWW-Authenticate", "Content-Type", "Date"} {
				w.Header().Set(name, quoted)
			}
			w.WriteHeader(429)
		},
		"a redirect": func(w http.ResponseWriter, quoted string) {
			w.Header().Set("Location", "http://127.0.0.1:1/?"+url.QueryEscape(quoted))
			w.WriteHeader(307)
		},
		"a status line":        raw("HTTP/1.1 400 QUOTED\r\nContent-Length: 0\r\n\r\n"),
		"no HTTP":              raw("QUOTED\r\n\r\n"),
		"no header":            raw("HTTP/1.1 200 OK\r\nQUOTED\r\n\r\n"),
		"no length":            raw("HTTP/1.1 200 OK\r\nContent-Length: QUOTED\r\n\r\n"),
		"no encoding":          raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: QUOTED\r\n\r\n"),
		"no chunk":             raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nQUOTED\r\n"),
		"nothing":              raw(""),
		"a body of other kind": raw("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nQUOTED"),
	} {
		replies = append(replies, hostileReply{name, asItIs, answer})
	}
	return replies
}

// listen starts the provider. Every account has a client of its own there, named like it.
func (w *leakWorld) listen(hostile []hostileReply) {
	w.t.Helper()
	secret := w.newCanary("a client secret", "cs-")
	w.write(filepath.Join(w.outside, "secret"), secret)
	here := []string{"http://127.0.0.1/callback"}
	cfg := oauthtest.Config{AutoApprove: true, AlwaysRefreshToken: true, Device: true, DeviceInterval: time.Second, Registration: true}
	for _, name := range w.accounts(hostile) {
		client := oauthtest.Client{ID: name, Secret: secret, RedirectURIs: here}
		if name == "imported" { // by a tool that has it in the form
			client.AuthMethod = oauthtest.AuthPost
		}
		if strings.HasPrefix(name, "device") {
			client.Secret = ""
		}
		cfg.Clients = append(cfg.Clients, client)
	}
	cfg.ServiceAccounts = w.robots()
	var err error
	if w.provider, err = oauthtest.Listen(cfg); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = w.provider.Close() })
	for _, at := range []oauthtest.Endpoint{oauthtest.Token, oauthtest.Revoke, oauthtest.DeviceAuthorization, oauthtest.Userinfo} {
		w.provider.Always(at, w.quoting)
	}
	w.provider.Always(oauthtest.Registration, oauthtest.Chain(w.quoting, oauthtest.AlterFields(func(fields map[string]any) {
		fields["registration_access_token"] = w.newCanary("a registration access token", "ra-")
		fields["registration_client_uri"] = w.provider.Issuer() + "/register/client"
	})))
	w.provider.Always(oauthtest.Authorize, oauthtest.AlterRedirect(func(parameters url.Values) {
		if code := parameters.Get("code"); code != "" {
			w.add("an authorization code", code, false)
			parameters.Set("code", code+decoration)
		}
	}))
}

// kindsOfSecret are the members of a request or answer that are secrets.
var kindsOfSecret = map[string]string{
	"client_secret": "a client secret", "code": "an authorization code", "code_verifier": "a PKCE verifier",
	"device_code": "a device code", "refresh_token": "a refresh token", "token": "a refresh token", "assertion": "a signed assertion",
}

// quoting is a fault that learns the secrets of requests and answers, decorates those of the provider, and answers a
// hostile client's request with what it carried.
func (w *leakWorld) quoting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.sweep()
		client, _, _ := r.BasicAuth()
		if client == "" {
			client = r.PostForm.Get("client_id")
		}
		w.mu.Lock()
		hostile, ok := w.hostile[client]
		w.mu.Unlock()
		var quoted []string
		for name, kind := range kindsOfSecret {
			if text := r.PostForm.Get(name); text != "" {
				quoted = append(quoted, hostile.quote(text))
				plain := strings.TrimSuffix(text, decoration)
				w.add(kind, plain, strings.HasPrefix(plain, "at-"))
				if name != "client_secret" {
					r.PostForm.Set(name, plain)
				}
			}
		}
		if header := r.Header.Get("Authorization"); header != "" {
			quoted = append(quoted, hostile.quote(header))
		}
		if ok {
			hostile.answer(rw, strings.Join(quoted, " "))
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		body := answer.Body.Bytes()
		var members map[string]any
		if json.Unmarshal(body, &members) == nil && answer.Code < 300 {
			body, _ = json.Marshal(w.learn(members))
		}
		for name, values := range answer.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(answer.Code)
		_, _ = rw.Write(body)
	})
}

// learn adds the secrets of an answer, and decorates those that the provider knows without.
func (w *leakWorld) learn(members map[string]any) map[string]any {
	for _, name := range []string{"refresh_token", "device_code"} {
		if text, ok := members[name].(string); ok {
			w.add(kindsOfSecret[name], text, false)
			members[name] = text + decoration
		}
	}
	if text, ok := members["access_token"].(string); ok {
		w.add("an access token", text, true)
	}
	if text, ok := members["id_token"].(string); ok {
		w.add("an ID token", text[strings.LastIndex(text, ".")+1:], true)
	}
	return members
}

// become makes the provider answer a client so; nil ends it.
func (w *leakWorld) become(client string, reply *hostileReply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.hostile, client)
	if reply != nil {
		w.hostile[client] = *reply
	}
}

func (w *leakWorld) issuer() string { return w.provider.Issuer() }
