package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// parseDocument reads a discovery document (RFC 8414 §2). Fields are matched by their exact names, which encoding/json
// does not do for structs.
func parseDocument(issuer string, body []byte) (Provider, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return Provider{}, errors.New("the issuer is not a URL")
	}
	doc := document{issuer: u}
	if err := json.Unmarshal(bytes.TrimPrefix(body, utf8BOM), &doc.fields); err != nil || doc.fields == nil {
		return Provider{}, errors.New("the document is not a JSON object")
	}
	if got := doc.text("issuer"); doc.err == nil && got != issuer {
		return Provider{}, &IssuerMismatchError{Want: issuer, Got: api.Excerpt(got)}
	}
	found := Provider{Name: u.Host, Row: Row{
		Issuer: issuer,
		Endpoints: account.Endpoints{
			Authorization: doc.endpoint("authorization_endpoint"),
			Token:         doc.endpoint("token_endpoint"),
			Device:        doc.endpoint("device_authorization_endpoint"),
			Revocation:    doc.endpoint("revocation_endpoint"),
			Userinfo:      doc.endpoint("userinfo_endpoint"),
		},
		PushedAuthorizationEndpoint: doc.endpoint("pushed_authorization_request_endpoint"),
		RequirePAR:                  doc.flag("require_pushed_authorization_requests"),
		RegistrationEndpoint:        doc.endpoint("registration_endpoint"),
		JWKSURI:                     doc.endpoint("jwks_uri"),
		IDTokenAlgorithms:           among(doc.list("id_token_signing_alg_values_supported"), Asymmetric()),
		RequireIss:                  doc.flag("authorization_response_iss_parameter_supported"),
	}}
	found.ResponseModes = among(doc.list("response_modes_supported"), []string{"query", "form_post"})
	found.AuthMethods = doc.list("token_endpoint_auth_methods_supported")
	found.ScopesSupported = doc.list("scopes_supported")
	found.ChallengeMethods = doc.list("code_challenge_methods_supported")
	found.ClientIDMetadata = doc.flag("client_id_metadata_document_supported")
	grants := doc.list("grant_types_supported")
	switch {
	case doc.err != nil:
		return Provider{}, doc.err
	case found.Endpoints.Token == "":
		return Provider{}, errors.New("the document has no token_endpoint")
	case found.Endpoints.Authorization == "" && (grants == nil || slices.Contains(grants, "authorization_code")):
		return Provider{}, errors.New("the document has no authorization_endpoint")
	case found.RequirePAR && found.PushedAuthorizationEndpoint == "":
		return Provider{}, errors.New("the document has no pushed_authorization_request_endpoint, and requires one")
	}
	if known, ok := LookupIssuer(issuer); ok {
		return known.withDocument(found), nil
	}
	for _, scope := range []string{"openid", "email"} { // enough to know who logged in
		if slices.Contains(found.ScopesSupported, scope) {
			found.DefaultScopes = append(found.DefaultScopes, scope)
		}
	}
	if slices.Contains(found.ScopesSupported, offlineAccess) {
		found.OfflineScope = offlineAccess
		// OpenID Connect Core 1.0 §11: without prompt=consent the server must ignore the scope.
		found.AuthParams = map[string]string{"prompt": "consent"}
	}
	return found, nil
}

// Asymmetric returns the names of the signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1) that oauthd verifies: those
// for which only the signer has the key.
func Asymmetric() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// among returns the elements of list that are known, each once; nil if list is nil.
func among(list, known []string) []string {
	if list == nil {
		return nil
	}
	both := []string{}
	for _, s := range list {
		if slices.Contains(known, s) && !slices.Contains(both, s) {
			both = append(both, s)
		}
	}
	return both
}

var utf8BOM = []byte("\xef\xbb\xbf")

// document reads fields and remembers the first mistake.
type document struct {
	issuer *url.URL
	fields map[string]json.RawMessage
	err    error
}

// get decodes one field into v and reports whether it was there.
func (d *document) get(name string, v any, kind string) bool {
	raw, ok := d.fields[name]
	if !ok || string(raw) == "null" {
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		if d.err == nil {
			d.err = fmt.Errorf("the document's %s is not %s", name, kind)
		}
		return false
	}
	return true
}

func (d *document) text(name string) (s string) {
	d.get(name, &s, "a string")
	return s
}

func (d *document) flag(name string) (b bool) {
	d.get(name, &b, "true or false")
	return b
}

func (d *document) list(name string) (l []string) {
	d.get(name, &l, "a list of strings")
	return l
}

func (d *document) endpoint(name string) string {
	s := d.text(name)
	if s == "" {
		return ""
	}
	if err := checkNamed(d.issuer, s); err != nil {
		if d.err == nil {
			d.err = fmt.Errorf("the document's %s: %w", name, err)
		}
		return ""
	}
	return s
}
