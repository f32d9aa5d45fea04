package grant

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// googleTokenURI is what stands in for a missing token_uri.
const googleTokenURI = "https://oauth2.googleapis.com/token"

// ServiceAccount is a Google service account's JSON key. Its private key is not among the exported fields and is never
// printed.
type ServiceAccount struct {
	// ClientEmail is the account's name.
	ClientEmail string
	// KeyID is the key's name; "" where the file has none, which only a token endpoint bears.
	KeyID string
	// ProjectID is "" where the file has none.
	ProjectID string
	// TokenURI passes [provider.CheckURL], and is Google's where the file has none. Whether it may be believed is another
	// question, see [TrustedTokenURI].
	TokenURI string
	// UniverseDomain is "" for Google's own cloud, googleapis.com.
	UniverseDomain string

	key ClientKey
}

// ParseServiceAccount reads the JSON key of a Google service account. The error says which field is wrong, or what the
// file is instead; it never quotes the data.
func ParseServiceAccount(data []byte) (ServiceAccount, error) {
	members, err := fileMembers(data)
	if err != nil {
		return ServiceAccount{}, fmt.Errorf("the file %w", err)
	}
	return parseServiceAccount(members)
}

func parseServiceAccount(members map[string]json.RawMessage) (ServiceAccount, error) {
	if text(members["type"]) != "service_account" {
		return ServiceAccount{}, fmt.Errorf("the file holds %s, not a Google service account's key", describe(members))
	}
	fields, err := memberTexts(members, "client_email", "private_key_id", "private_key", "project_id", "token_uri", "universe_domain")
	if err != nil {
		return ServiceAccount{}, fmt.Errorf("the file's %w", err)
	}
	for _, name := range []string{"client_email", "private_key_id", "project_id", "universe_domain"} {
		if len(fields[name]) > 1024 || strings.ContainsFunc(fields[name], func(r rune) bool { return r <= 0x20 || r > 0x7e }) {
			return ServiceAccount{}, fmt.Errorf("the file's %s is too long, or has a character that none may have", name)
		}
	}
	a := ServiceAccount{
		ClientEmail:    fields["client_email"],
		KeyID:          fields["private_key_id"],
		ProjectID:      fields["project_id"],
		TokenURI:       cmp.Or(fields["token_uri"], googleTokenURI),
		UniverseDomain: fields["universe_domain"],
	}
	switch {
	case fields["client_email"] == "":
		return ServiceAccount{}, errors.New("the file has no client_email")
	case !strings.Contains(a.ClientEmail, "@"):
		return ServiceAccount{}, errors.New("the file's client_email is not an address")
	case strings.TrimSpace(fields["private_key"]) == "":
		return ServiceAccount{}, errors.New("the file has no private_key")
	}
	if err := provider.CheckURL(a.TokenURI); err != nil {
		return ServiceAccount{}, fmt.Errorf("the file's token_uri: %w", err)
	}
	private, err := parsePEM(bytes.TrimSpace([]byte(fields["private_key"])))
	switch {
	case err != nil:
		return ServiceAccount{}, fmt.Errorf("the file's private_key %w", err)
	case private.algorithm != jose.RS256:
		return ServiceAccount{}, errors.New("the file's private_key is not an RSA key, as Google's are")
	}
	private.id = a.KeyID
	a.key = ClientKey{private}
	return a, nil
}

// Text returns what is needed of the key file as JSON that [ParseServiceAccount] reads back; it is for the store. The zero
// ServiceAccount gives the zero Secret.
func (a ServiceAccount) Text() account.Secret {
	if a.key.IsZero() {
		return account.Secret{}
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.key.private.signer)
	if err != nil {
		// Every RSA key has that form.
		return account.Secret{}
	}
	kept, err := json.Marshal(struct {
		Type           string `json:"type"`
		ClientEmail    string `json:"client_email"`
		KeyID          string `json:"private_key_id,omitempty"`
		Key            string `json:"private_key"`
		ProjectID      string `json:"project_id,omitempty"`
		TokenURI       string `json:"token_uri"`
		UniverseDomain string `json:"universe_domain,omitempty"`
	}{
		"service_account", a.ClientEmail, a.KeyID, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		a.ProjectID, a.TokenURI, a.UniverseDomain,
	})
	if err != nil {
		return account.Secret{}
	}
	return account.NewSecret(string(kept))
}

// TrustedTokenURI reports whether a token_uri that a file names may be sent what the file holds: it is one of Google's
// token endpoints, byte by byte, or on this machine. Google's hosts alone would not do, because under other paths they take
// uploads for anybody.
func TrustedTokenURI(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil || provider.CheckURL(uri) != nil {
		return false
	}
	if provider.CheckURL("http://"+u.Host) == nil {
		return true // http is for loopback addresses and localhost only
	}
	switch uri {
	case "https://oauth2.googleapis.com/token", "https://oauth2.mtls.googleapis.com/token",
		"https://accounts.google.com/o/oauth2/token",
		"https://www.googleapis.com/oauth2/v3/token", "https://www.googleapis.com/oauth2/v4/token":
		return true
	default:
		return false
	}
}
