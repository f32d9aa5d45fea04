package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// object is a JSON object under reading: wrong keeps the first member that is not of its type.
type object struct {
	members map[string]json.RawMessage
	wrong   *Mistake
}

func (o *object) has(name string) bool { _, ok := o.members[name]; return ok }

// into decodes a member; a missing one and null leave v as it is.
func (o *object) into(name string, v any, want string) {
	if raw, ok := o.members[name]; ok && json.Unmarshal(raw, v) != nil && o.wrong == nil {
		o.wrong = mistake(anyHint, "the file's %s is not %s", name, want)
	}
}

func (o *object) text(name string) string {
	var s string
	o.into(name, &s, "a string")
	return s
}

func (o *object) secret(name string) account.Secret { return account.NewSecret(o.text(name)) }

// scopes reads a list of strings, or a string with spaces.
func (o *object) scopes(name string) []string {
	raw := bytes.TrimSpace(o.members[name])
	if len(raw) > 0 && raw[0] == '"' {
		return strings.Fields(o.text(name))
	}
	var list []string
	o.into(name, &list, "a list of strings")
	return list
}

// open reads raw as an object.
func open(raw []byte) (*object, *Mistake) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	o := &object{}
	var syntax *json.SyntaxError
	switch err := dec.Decode(&o.members); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, mistake("copy it again, whole", "the file is cut off: its JSON ends unfinished after byte %d", len(raw))
	case errors.As(err, &syntax):
		return nil, mistake(anyHint, "the file is not JSON: syntax error at byte %d", syntax.Offset)
	case err != nil || o.members == nil:
		return nil, mistake(anyHint, "the file is JSON, but not an object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, mistake("keep the one to import", "the file has something after its JSON object")
	}
	return o, nil
}

// parseJSON tells the formats apart that are one JSON object.
func parseJSON(data []byte) (Found, *Mistake) {
	o, m := open(data)
	if m != nil {
		return Found{}, m
	}
	var f Found
	kind := ""
	if json.Unmarshal(o.members["type"], &kind) != nil {
		kind = ""
	}
	switch {
	case kind == "service_account":
		f = Found{
			Kind: KindKey, Format: "a service account's key", Provider: "google", Key: account.NewSecret(string(data)),
			Email: o.text("client_email"), TokenURI: o.text("token_uri"),
		}
		if o.wrong == nil && (f.Email == "" || !o.has("private_key")) {
			return Found{}, mistake("download a new key", "the service account's key has no client_email or no private_key")
		}
	case kind == "authorized_user":
		f = googleUser(o, "gcloud's application default credentials")
	case slices.Contains(machineKinds(), kind):
		return Found{}, mistake(
			`set grant = "adc" in accounts/NAME.toml, and key_file = "THIS FILE"; its credentials are then asked for each token`,
			"the file has the type %s: it says how to get credentials and contains none", kind)
	case o.has(provider.KindInstalled) || o.has(provider.KindWeb):
		return clientSecrets(data)
	case o.has("_module") || o.has("_class"):
		f = oauth2client(o)
	case o.has("data") && o.has("file_version"):
		return multistore(o)
	case o.has("issuer_url") || o.has("issuer") && o.has("client_id"):
		f = oidcAgent(o)
	case o.has("client_id") && (o.has("token_uri") || o.has("token") || o.has("universe_domain")):
		f = googleUser(o, "a token.json of google-auth")
	case o.has("access_token") || o.has("refresh_token"):
		f = savedToken(o)
	default:
		return Found{}, mistake(anyHint, "the file is JSON, but of no format that is known here")
	}
	if o.wrong != nil {
		return Found{}, o.wrong
	}
	if f.Kind == KindCredential && f.RefreshToken.IsZero() && (o.text("token") != "" || o.text("access_token") != "") {
		return Found{}, accessTokenOnly()
	}
	return f, nil
}

// machineKinds are the types of Google's files that say how to get credentials.
func machineKinds() []string {
	return []string{
		"external_account", "external_account_authorized_user", "impersonated_service_account", "gdch_service_account",
	}
}

// clientSecrets reads a client alone, in the words of daemon/provider.
func clientSecrets(data []byte) (Found, *Mistake) {
	c, err := provider.ParseClientSecrets(data)
	if err != nil {
		return Found{}, mistake("download the JSON of a client of type desktop app again", "client_secrets: %v", err)
	}
	return Found{
		Kind: KindClient, Format: "a client_secrets file", AuthURI: c.AuthURI, TokenURI: c.TokenURI,
		ClientID: c.ClientID, ClientSecret: c.ClientSecret,
	}, nil
}

// savedToken reads a token response that was saved as it came, as rclone and Go programs do (RFC 6749 §5.1).
func savedToken(o *object) Found {
	return Found{
		Kind: KindCredential, Format: "a saved token", TokenURI: o.text("token_uri"), Issuer: o.text("issuer"),
		ClientID: o.text("client_id"), ClientSecret: o.secret("client_secret"),
		RefreshToken: o.secret("refresh_token"), Scopes: o.scopes("scope"),
		NoClient: "a saved token does not say which client it was given to",
	}
}
