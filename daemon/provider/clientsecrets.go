package provider

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// The kinds of client in a client_secrets file.
const (
	KindInstalled = "installed" // a desktop client: any loopback port
	KindWeb       = "web"       // redirect URIs as registered, port included
)

// ClientSecrets is the content of a client_secrets.json as Google provides it. Fields that the file does not have are
// zero.
type ClientSecrets struct {
	// Kind is [KindInstalled] or [KindWeb].
	Kind                    string
	ClientID                string
	ClientSecret            account.Secret
	ProjectID               string
	AuthURI                 string
	TokenURI                string
	AuthProviderX509CertURL string
	RedirectURIs            []string
	JavascriptOrigins       []string
}

// ParseClientSecrets reads a client_secrets.json; a UTF-8 byte order mark is skipped. The error says why the data is not
// such a file, and what it is instead if that can be recognised. It never quotes the data.
func ParseClientSecrets(data []byte) (ClientSecrets, error) {
	if len(data) > MaxBody {
		return ClientSecrets{}, fmt.Errorf("the file is larger than %d bytes, so it is not a client_secrets file", MaxBody)
	}
	data, err := own.Text(data)
	if err != nil {
		return ClientSecrets{}, fmt.Errorf("the file %w", err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return ClientSecrets{}, errors.New("the file is empty")
	}
	if data[0] == '[' {
		return ClientSecrets{}, errors.New("the file is a JSON array; a client_secrets file is an object")
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil || top == nil {
		return ClientSecrets{}, notJSONObject(err, len(data))
	}
	_, installed := top[KindInstalled]
	_, web := top[KindWeb]
	switch {
	case installed && web:
		return ClientSecrets{}, errors.New(`the file has both "installed" and "web"; keep one`)
	case installed:
		return parseClient(KindInstalled, top[KindInstalled])
	case web:
		return parseClient(KindWeb, top[KindWeb])
	default:
		return ClientSecrets{}, otherFile(top)
	}
}

func notJSONObject(err error, size int) error {
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax) && syntax.Offset >= int64(size) && strings.Contains(syntax.Error(), "unexpected end"):
		return fmt.Errorf("the file is cut off: its JSON ends unfinished after byte %d", size)
	case errors.As(err, &syntax):
		return fmt.Errorf("the file is not JSON: syntax error at byte %d", syntax.Offset)
	default:
		return errors.New("the file is JSON, but not an object")
	}
}

// otherFile recognises the files that are most often taken for a client_secrets file.
func otherFile(top map[string]json.RawMessage) error {
	var kind string
	if json.Unmarshal(top["type"], &kind) != nil {
		kind = ""
	}
	has := func(name string) bool { _, ok := top[name]; return ok }
	switch {
	case kind == "service_account":
		return errors.New("the file is a service account key, not a client_secrets file")
	case kind == "authorized_user":
		return errors.New("the file holds a person's saved credentials (authorized_user), not a client")
	case kind == "external_account" || kind == "impersonated_service_account" ||
		kind == "external_account_authorized_user" || kind == "gdch_service_account":
		return fmt.Errorf("the file holds credentials of type %s, not a client", kind)
	case has("refresh_token") || has("access_token") || has("token"):
		return errors.New("the file holds a saved token, not a client")
	case has("client_id"):
		return errors.New(`the file has client_id at its top level; a client_secrets file has it inside "installed" or "web"`)
	default:
		return errors.New(`the file has neither "installed" nor "web" at its top level, so it is not a client_secrets file`)
	}
}

func parseClient(kind string, raw json.RawMessage) (ClientSecrets, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return ClientSecrets{}, fmt.Errorf("the file's %q is not an object", kind)
	}
	var wrong error
	get := func(name string, v any, want string) {
		if value, ok := fields[name]; ok && json.Unmarshal(value, v) != nil && wrong == nil {
			wrong = fmt.Errorf("the file's %s.%s is not %s", kind, name, want)
		}
	}
	cs := ClientSecrets{Kind: kind}
	var secret string
	get("client_id", &cs.ClientID, "a string")
	get("client_secret", &secret, "a string")
	get("project_id", &cs.ProjectID, "a string")
	get("auth_uri", &cs.AuthURI, "a string")
	get("token_uri", &cs.TokenURI, "a string")
	get("auth_provider_x509_cert_url", &cs.AuthProviderX509CertURL, "a string")
	get("redirect_uris", &cs.RedirectURIs, "a list of strings")
	get("javascript_origins", &cs.JavascriptOrigins, "a list of strings")
	cs.ClientSecret = account.NewSecret(secret)
	switch {
	case wrong != nil:
		return ClientSecrets{}, wrong
	case cs.ClientID == "":
		return ClientSecrets{}, fmt.Errorf("the file's %q has no client_id", kind)
	case strings.ContainsFunc(cs.ClientID, notVisible):
		return ClientSecrets{}, fmt.Errorf("the file's %s.client_id has a character that no client_id may have", kind)
	case strings.ContainsFunc(secret, notVisible):
		return ClientSecrets{}, fmt.Errorf("the file's %s.client_secret has a character that no secret may have", kind)
	}
	return cs, nil
}

// notVisible reports whether r is outside VSCHAR (RFC 6749 appendix A).
func notVisible(r rune) bool { return r < 0x20 || r > 0x7e }

// Provider returns the provider the client belongs to. Google's own endpoints give the table's entry; loopback
// endpoints give what the file says, with Google's manners. Anything else is refused, because a doctored file would
// send code and secret to its author; the error says what to do instead.
func (cs ClientSecrets) Provider() (Provider, error) {
	const hint = "name the provider or the issuer if you trust it"
	if cs.AuthURI == "" || cs.TokenURI == "" {
		return Provider{}, fmt.Errorf("the client_secrets file has no auth_uri or no token_uri; %s", hint)
	}
	auth, err := parseURL(cs.AuthURI)
	if err != nil {
		return Provider{}, fmt.Errorf("auth_uri of the client_secrets file: %w", err)
	}
	token, err := parseURL(cs.TokenURI)
	if err != nil {
		return Provider{}, fmt.Errorf("token_uri of the client_secrets file: %w", err)
	}
	switch {
	case isGoogle(auth, "accounts.google.com") &&
		isGoogle(token, "oauth2.googleapis.com", "accounts.google.com", "www.googleapis.com"):
		return google(), nil
	case isLoopback(auth.Hostname()) && isLoopback(token.Hostname()):
		e := account.Endpoints{Authorization: cs.AuthURI, Token: cs.TokenURI}
		if !cs.ClientSecret.IsZero() {
			e.AuthMethod = string(AuthPost)
		}
		return FromEndpoints(e), nil
	default:
		return Provider{}, fmt.Errorf("the client_secrets file names %q and %q, which are not Google's; %s",
			api.Excerpt(auth.Host), api.Excerpt(token.Host), hint)
	}
}

func isGoogle(u *url.URL, hosts ...string) bool {
	for _, h := range hosts {
		if u.Scheme == "https" && strings.EqualFold(u.Host, h) {
			return true
		}
	}
	return false
}

// LoopbackRedirects returns the redirect URIs that a loopback redirect server can serve, in the file's order. A web client
// must use one of them exactly; for an installed client they are patterns, and the provider's rule applies.
func (cs ClientSecrets) LoopbackRedirects() []string {
	var usable []string
	for _, raw := range cs.RedirectURIs {
		if u, err := parseURL(raw); err == nil && u.Scheme == "http" && u.RawQuery == "" {
			usable = append(usable, raw)
		}
	}
	return usable
}
