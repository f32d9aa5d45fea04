package google

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

// googleTokenURI replaces a missing token_uri.
const googleTokenURI = "https://oauth2.googleapis.com/token"

// ServiceAccount is a Google service account's JSON key. Its private key is not among the exported fields and is never
// printed.
type ServiceAccount struct {
	// ClientEmail is the account's name.
	ClientEmail string
	// KeyID is the key's name; "" if the file has none, which is enough for a token endpoint but not for a token that the
	// key signs.
	KeyID string
	// ProjectID is "" if the file has none.
	ProjectID string
	// TokenURI passes [provider.CheckURL], and is Google's if the file has none. Whether to believe it is another
	// question, see [TrustedTokenURI].
	TokenURI string
	// UniverseDomain is "" for Google's own cloud, googleapis.com.
	UniverseDomain string

	key grant.ClientKey
}

// ParseServiceAccount reads the JSON key of a Google service account. The error says which field is wrong, or what the
// file is instead; it never quotes the data.
func ParseServiceAccount(data []byte) (ServiceAccount, error) {
	members, err := grant.ParseKeyFile(data)
	if err != nil {
		return ServiceAccount{}, fmt.Errorf("the file %w", err)
	}
	return parseServiceAccount(members)
}

func parseServiceAccount(members grant.Members) (ServiceAccount, error) {
	if members.Text("type") != "service_account" {
		return ServiceAccount{}, fmt.Errorf("the file holds %s, not a Google service account's key", members.Describe())
	}
	fields, err := members.Texts("client_email", "private_key_id", "private_key", "project_id", "token_uri", "universe_domain")
	if err != nil {
		return ServiceAccount{}, fmt.Errorf("the file's %w", err)
	}
	for _, name := range []string{"client_email", "private_key_id", "project_id", "universe_domain"} {
		if len(fields[name]) > 1024 || strings.ContainsFunc(fields[name], func(r rune) bool { return r <= 0x20 || r > 0x7e }) {
			return ServiceAccount{}, fmt.Errorf("the file's %s is too long, or has a character that is not allowed", name)
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
	a.key, err = grant.ParsePEMKey([]byte(fields["private_key"]), a.KeyID)
	switch {
	case err != nil:
		return ServiceAccount{}, fmt.Errorf("the file's private_key %w", err)
	case a.key.Algorithm() != "RS256":
		return ServiceAccount{}, errors.New("the file's private_key is not an RSA key, as Google's are")
	}
	return a, nil
}

// Text returns the parts of the key file that are needed, for the store, as JSON that [ParseServiceAccount] reads back.
// The zero ServiceAccount gives the zero Secret.
func (a ServiceAccount) Text() account.Secret {
	if a.key.IsZero() {
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
		"service_account", a.ClientEmail, a.KeyID, a.key.PEM().Reveal(), a.ProjectID, a.TokenURI, a.UniverseDomain,
	})
	if err != nil {
		return account.Secret{}
	}
	return account.NewSecret(string(kept))
}
