package grant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"oauthd/ipc/own"
)

// MaxKeyFile is the most bytes a file of keys or credentials may have.
const MaxKeyFile = 64 << 10

// ReadKeyFile reads a file of keys or credentials, as [own.ReadNamed] does: a regular file that nobody else may write
// to.
func ReadKeyFile(path string) ([]byte, error) { return own.ReadNamed(path, MaxKeyFile) }

// trimFile removes the byte order mark and the white space around the content of a file. Errors complete "the file …".
func trimFile(data []byte) ([]byte, error) {
	if len(data) > MaxKeyFile {
		return nil, fmt.Errorf("is larger than %d bytes", MaxKeyFile)
	}
	data, err := own.Text(data)
	if err != nil {
		return nil, err
	}
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return nil, errors.New("is empty")
	}
	return data, nil
}

// ParseKeyFile reads a file that should hold a JSON object. Errors complete "the file …" and quote nothing of it.
func ParseKeyFile(data []byte) (Members, error) {
	data, err := trimFile(data)
	if err != nil {
		return nil, err
	}
	var members Members
	err = json.Unmarshal(data, &members)
	var syntax *json.SyntaxError
	switch {
	case err == nil && members != nil:
		return members, nil
	case bytes.HasPrefix(data, []byte("-----BEGIN")):
		return nil, errors.New("is PEM, not JSON")
	case errors.As(err, &syntax) && strings.Contains(syntax.Error(), "unexpected end"):
		return nil, fmt.Errorf("is cut off after byte %d", len(data))
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("is not JSON: syntax error at byte %d", syntax.Offset)
	default:
		return nil, errors.New("is JSON, but not an object")
	}
}

// Describe says what a JSON file is, in case somebody gave the wrong one; it completes "the file holds …".
func (m Members) Describe() string {
	has := func(name string) bool { _, ok := m[name]; return ok }
	switch kind := m.Text("type"); {
	case kind == "service_account":
		return "a Google service account's key"
	case kind == "authorized_user":
		return "a person's saved credentials (authorized_user)"
	case kind == "external_account", kind == "external_account_authorized_user", kind == "impersonated_service_account",
		kind == "gdch_service_account":
		return "credentials of type " + kind
	case has("installed"), has("web"):
		return "an OAuth client (client_secrets)"
	case has("keys"):
		return "a set of keys (JWK Set)"
	case has("kty"):
		return "a JSON Web Key"
	case has("refresh_token"), has("access_token"), has("token"):
		return "a saved token"
	default:
		return "something else"
	}
}

// Texts reads optional strings; the error completes "the file's …".
func (m Members) Texts(names ...string) (map[string]string, error) {
	texts := make(map[string]string, len(names))
	for _, name := range names {
		if !m.IsText(name) {
			return nil, fmt.Errorf("%s is not a string", name)
		}
		texts[name] = m.Text(name)
	}
	return texts, nil
}
