package provider

import (
	"fmt"
	"slices"

	"oauthd/ipc/api"
)

// AuthMethod is a token_endpoint_auth_method (RFC 7591 §2). It is pinned per account and never probed.
type AuthMethod string

// The methods oauthd speaks.
const (
	AuthNone AuthMethod = "none"
	// AuthBasic sends client_id and secret by HTTP Basic. The secret may be empty, see [api.ProviderRow].
	AuthBasic AuthMethod = "client_secret_basic"
	AuthPost  AuthMethod = "client_secret_post"
	// AuthPrivateKeyJWT signs an assertion with the client's private key (RFC 7523 §2.2).
	AuthPrivateKeyJWT AuthMethod = "private_key_jwt"
)

const authMethodKey = "token_endpoint_auth_method"

// PinAuthMethod returns the one token_endpoint_auth_method that a client of this provider uses. It is settled before the
// first request and never probed. configured is the person's choice; "" for none. Without one it is, in this order:
//
//   - "private_key_jwt" for a client with a private key;
//   - what the provider's row says, for a client with a secret;
//   - "client_secret_basic" with an empty secret, if the row has EmptySecret, or if a person wrote it and it says
//     "client_secret_basic";
//   - for a client with a secret what the server advertises, "client_secret_basic" first, which is also the default if it
//     advertises nothing (RFC 8414 §2);
//   - "none".
//
// An error says why the choice and what the client has do not fit, or that the server takes no method oauthd speaks.
func (p Provider) PinAuthMethod(hasSecret, hasKey bool, configured string) (AuthMethod, error) {
	method := AuthMethod(configured)
	if method == "" {
		var err error
		if method, err = p.authMethod(hasSecret, hasKey); err != nil {
			return "", err
		}
	}
	var misfit string
	switch {
	case !slices.Contains([]AuthMethod{AuthNone, AuthBasic, AuthPost, AuthPrivateKeyJWT}, method):
		return "", fmt.Errorf("%s %q is not one of %q, %q, %q, %q", authMethodKey, api.Excerpt(string(method)),
			AuthNone, AuthBasic, AuthPost, AuthPrivateKeyJWT)
	case method == AuthNone && hasSecret:
		misfit = "a secret"
	case method == AuthNone && hasKey:
		misfit = "a private key"
	case method == AuthPrivateKeyJWT && !hasKey:
		misfit = "no private key"
	case !hasSecret && (method == AuthPost || method == AuthBasic && hasKey):
		misfit = "no secret"
	default:
		return method, nil
	}
	return "", fmt.Errorf("%s is %q, but the client has %s", authMethodKey, method, misfit)
}

// authMethod chooses if the person did not.
func (p Provider) authMethod(hasSecret, hasKey bool) (AuthMethod, error) {
	switch row := AuthMethod(p.Endpoints.AuthMethod); {
	case hasKey && p.AuthMethods != nil && !slices.Contains(p.AuthMethods, string(AuthPrivateKeyJWT)):
		return "", fmt.Errorf("the client has a private key, but the server does not advertise %q; set %s, or give no key",
			AuthPrivateKeyJWT, authMethodKey)
	case hasKey:
		return AuthPrivateKeyJWT, nil
	case row == AuthPrivateKeyJWT, hasSecret && row != "":
		return row, nil
	case hasSecret:
		return p.advertisedMethod()
	case p.EmptySecret, row == AuthBasic && !p.BuiltIn && !p.ClientSecretRequired:
		return AuthBasic, nil
	}
	return AuthNone, nil
}

// advertisedMethod chooses for a client with a secret.
func (p Provider) advertisedMethod() (AuthMethod, error) {
	if len(p.AuthMethods) == 0 {
		return AuthBasic, nil
	}
	for _, m := range []AuthMethod{AuthBasic, AuthPost} {
		if slices.Contains(p.AuthMethods, string(m)) {
			return m, nil
		}
	}
	return "", fmt.Errorf("the server advertises neither %q nor %q; set %s, or give no secret", AuthBasic, AuthPost, authMethodKey)
}
