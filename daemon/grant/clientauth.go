package grant

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// ClientAuth is how a client authenticates at the token endpoint.
type ClientAuth struct {
	ID string
	// Secret is unset for a public client.
	Secret account.Secret
	// Method is pinned, see [provider.Provider.PinAuthMethod]; "" is refused.
	Method provider.AuthMethod
	// BasicUnencoded leaves client_id and client_secret of client_secret_basic as they are, for servers that compare them
	// without decoding; RFC 6749 §2.3.1 has them form-encoded.
	BasicUnencoded bool
	// Key signs an assertion for each request of a client whose method is private_key_jwt (RFC 7523 §2.2); zero for
	// others.
	Key ClientKey
	// AssertionAudience is the audience of these assertions (RFC 7523 §3); "" means the URL the request goes to. Servers
	// differ: at the token endpoint all accept its URL; elsewhere many accept only that URL or their issuer.
	AssertionAudience string
	// ProofKey is what tokens are bound to (RFC 9449); zero asks for bearer tokens. It authenticates nobody.
	ProofKey ProofKey
}

// apply adds the authentication of a request to endpoint, in exactly one place.
func (a ClientAuth) apply(form url.Values, h http.Header, endpoint string, now time.Time) error {
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		form.Del(name)
	}
	switch {
	case a.ID == "":
		return errors.New("no client_id")
	case a.Method == provider.AuthNone:
		form.Set("client_id", a.ID)
		return nil
	case a.Method == provider.AuthPrivateKeyJWT && a.Key.IsZero():
		return errors.New("the pinned token_endpoint_auth_method needs a private key, and there is none")
	case a.Method == provider.AuthPrivateKeyJWT:
		return a.assert(form, endpoint, now)
	case a.Method != provider.AuthBasic && a.Method != provider.AuthPost:
		return errors.New("no token_endpoint_auth_method is pinned")
	case a.Method == provider.AuthBasic:
		h.Set("Authorization", a.basic())
		return nil
	case a.Secret.IsZero():
		return errors.New("the pinned token_endpoint_auth_method needs a client secret, and there is none")
	default:
		form.Set("client_id", a.ID)
		form.Set("client_secret", a.Secret.Reveal())
		return nil
	}
}

// basic returns the value of an Authorization header (RFC 7617). The secret may be empty, as it is for Reddit's
// installed apps.
func (a ClientAuth) basic() string {
	encode := url.QueryEscape
	if a.BasicUnencoded {
		encode = func(text string) string { return text }
	}
	pair := encode(a.ID) + ":" + encode(a.Secret.Reveal())
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}
