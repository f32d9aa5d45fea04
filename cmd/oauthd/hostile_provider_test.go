package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// hostileAnswers names the answers in which a provider may put a text.
func hostileAnswers() []string {
	return []string{
		"endpoints", "metadata", "issuer", "raw", "refusal", "refused refresh", "token", "access token", "token type", "ID token",
		"userinfo", "authorization", "registration", "client", "revocation", "user code", "verification URI",
	}
}

// hostileProvider is an authorization server that says a text in one of its answers, and is as it should be in the rest.
type hostileProvider struct {
	URL string

	mu          sync.Mutex // guards the fields below
	text, where string
}

func newHostileProvider(f *testing.F) *hostileProvider {
	p := &hostileProvider{}
	server := httptest.NewServer(p)
	f.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func (p *hostileProvider) become(text, where string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.where = text, where
}

// ServeHTTP implements [http.Handler].
func (p *hostileProvider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	text, where := p.text, p.where
	p.mu.Unlock()
	refusal := map[string]any{
		"error": text, "error_description": text, "error_uri": text, "error_subtype": text, "suberror": text, "error_codes": []string{text},
	}
	status, answer := http.StatusOK, map[string]any{}
	switch path := strings.TrimPrefix(r.URL.Path, "/"); {
	case strings.HasPrefix(path, ".well-known/"):
		answer = p.metadata(text, where)
	case path == "authorize":
		p.redirect(w, r, text, where)
		return
	case path == "token" && (where == "refusal" || where == "refused refresh" && r.FormValue("grant_type") == "refresh_token"):
		status, answer = http.StatusBadRequest, refusal
	case path == "token":
		answer = tokenAnswer(text, where)
	case path == "userinfo":
		answer = map[string]any{"sub": "248289761001", "email": "ada@example.com"}
		if where == "userinfo" {
			answer = map[string]any{"sub": "s" + text, "email": text + "@example.com", "name": text}
		}
	case path == "device":
		answer = map[string]any{
			"device_code": "d", "user_code": "WDJB-MJHT", "verification_uri": p.URL + "/device", "verification_uri_complete": text, "interval": 5,
		}
		if where == "user code" {
			answer["user_code"] = text
		} else {
			answer["verification_uri"] = p.URL + "/" + text
		}
	case path == "register" && where == "client":
		status, answer = http.StatusCreated, map[string]any{"client_id": text, "client_secret": text, "redirect_uris": []string{text}}
	case path == "register", path == "revoke":
		status, answer = http.StatusBadRequest, refusal
	}
	w.Header().Set("Content-Type", "application/json")
	if where == "raw" {
		w.Header().Set("Content-Type", text)
		w.Header().Set("Retry-After", text)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, text)
		return
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

func (p *hostileProvider) metadata(text, where string) map[string]any {
	m := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"userinfo_endpoint": p.URL + "/userinfo", "device_authorization_endpoint": p.URL + "/device",
		"revocation_endpoint": p.URL + "/revoke", "registration_endpoint": p.URL + "/register",
		"scopes_supported": []string{"openid", "email"},
	}
	switch where {
	case "issuer":
		m["issuer"] = text
	case "endpoints":
		for name := range m {
			m[name] = p.URL + "/" + text
		}
		m["issuer"] = p.URL
	case "metadata":
		for _, name := range []string{
			"scopes_supported", "grant_types_supported", "token_endpoint_auth_methods_supported", "response_modes_supported",
			"id_token_signing_alg_values_supported", "service_documentation", text,
		} {
			m[name] = []string{text}
		}
	}
	return m
}

// redirect sends the browser back.
func (p *hostileProvider) redirect(w http.ResponseWriter, r *http.Request, text, where string) {
	params := url.Values{"state": {r.FormValue("state")}, "code": {"c"}}
	if where == "authorization" {
		params = url.Values{"state": {r.FormValue("state")}, "error": {"x" + text}, "error_description": {text}, "error_uri": {text}}
	}
	http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+params.Encode(), http.StatusFound)
}

func tokenAnswer(text, where string) map[string]any {
	answer := map[string]any{
		"access_token": "at", "token_type": "Bearer", "refresh_token": "rt", "expires_in": 3600, "scope": "openid email",
	}
	switch where {
	case "token":
		answer["scope"], answer["refresh_token"], answer["expires_in"], answer[text] = "openid "+text, text, text, text
	case "access token":
		answer["access_token"] = text
	case "token type":
		answer["token_type"] = text
	case "ID token":
		answer["id_token"] = text + "." + text + "." + text
	}
	return answer
}

// hostileCertificate returns a certificate that says text in its names.
func hostileCertificate(text string) (tls.Certificate, error) {
	ascii := strings.Map(func(r rune) rune {
		if r > 0x7f {
			return -1 // crypto/x509 reads no other name
		}
		return r
	}, text)
	names, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(ascii)}})
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		Subject:         pkix.Name{CommonName: strings.ToValidUTF8(text, ""), Organization: []string{ascii}},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: names}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
