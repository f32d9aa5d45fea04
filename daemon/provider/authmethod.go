package provider

import (
	"cmp"
	"fmt"
	"slices"

	"oauthd/ipc/api"
)

// PinAuthMethod returns the one token_endpoint_auth_method a client of this provider uses; it is settled before the
// first request and never probed. configured is the person's choice, "" for none. Without one, a client with a private
// key uses "private_key_jwt"; one with neither key nor secret uses "none", unless the provider's entry wants a key; and
// one with a secret uses what the provider's entry says, else what the server advertises, client_secret_basic first,
// which is also the default if it advertises nothing (RFC 8414 §2). A person who asks for client_secret_basic, for the
// account or for a provider of their own, may leave the secret empty. An error says why the choice does not fit what the
// client has, or that the server accepts no method that oauthd speaks.
func (p Provider) PinAuthMethod(hasSecret, hasKey bool, configured string) (AuthMethod, error) {
	const key = "token_endpoint_auth_method"
	byHand := configured
	if !p.BuiltIn && !p.ClientSecretRequired {
		byHand = cmp.Or(configured, p.Endpoints.AuthMethod)
	}
	method := configured
	switch {
	case byHand == string(AuthBasic) && !hasSecret && !hasKey:
		return AuthBasic, nil
	case method != "":
	case hasKey && p.AuthMethods != nil && !slices.Contains(p.AuthMethods, string(AuthPrivateKeyJWT)):
		return "", fmt.Errorf("the client has a private key, but the server does not advertise %q; set %s, or give no key",
			AuthPrivateKeyJWT, key)
	case hasKey:
		return AuthPrivateKeyJWT, nil
	case !hasSecret && p.Endpoints.AuthMethod != string(AuthPrivateKeyJWT):
		return AuthNone, nil
	default:
		method = p.Endpoints.AuthMethod
	}
	switch m := AuthMethod(method); {
	case m == "":
		return p.advertisedMethod()
	case m == AuthNone && hasSecret:
		return "", fmt.Errorf("%s is %q, but the client has a secret", key, m)
	case m == AuthNone && hasKey:
		return "", fmt.Errorf("%s is %q, but the client has a private key", key, m)
	case m == AuthPrivateKeyJWT && !hasKey:
		return "", fmt.Errorf("%s is %q, but the client has no private key", key, m)
	case m == AuthPrivateKeyJWT:
		return m, nil
	case m == AuthNone:
		return m, nil
	case m != AuthBasic && m != AuthPost:
		return "", fmt.Errorf("%s %q is not one of %q, %q, %q, %q", key, api.Excerpt(method),
			AuthNone, AuthBasic, AuthPost, AuthPrivateKeyJWT)
	case !hasSecret:
		return "", fmt.Errorf("%s is %q, but the client has no secret", key, m)
	default:
		return m, nil
	}
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
	return "", fmt.Errorf("the server advertises neither %q nor %q; set token_endpoint_auth_method, or give no secret",
		AuthBasic, AuthPost)
}
