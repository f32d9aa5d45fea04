package words

import (
	"oauthd/ipc/api"
)

// Resource words a resource server that does not say where its tokens come from, or cannot be asked.
func Resource(resource string, err error) *api.Error {
	if after, ok := Transient(err); ok {
		return (&api.Error{Code: api.ProviderUnreachable, Message: "the resource cannot be asked where its tokens come from: " + err.Error(),
			Hint: wayOut(err, "check the network and the URL, then try again"), RetryAfter: seconds(after)}).Because(err)
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: "no login can be made from " + api.Excerpt(resource) + ": " + err.Error(),
		Hint: "give the authorization server too: --issuer URL"}).Because(err)
}

// NotOnOrigin words a resource that does not say where its tokens come from, and no client is registered where an older revision
// of MCP would have that.
func NotOnOrigin(resource, endpoint string, err error) *api.Error {
	e := &api.Error{Code: api.ConfigInvalid, Message: "no login can be made from " + api.Excerpt(resource) +
		": it does not say where its tokens come from (RFC 9728), and no client could be registered at " + api.Excerpt(endpoint),
		Hint: "give the authorization server too: --issuer URL"}
	return e.Because(err)
}

// NoPKCE words an authorization server of a resource that does not say that it takes PKCE.
func NoPKCE(issuer string) *api.Error {
	return &api.Error{Code: api.ConfigInvalid, Message: api.Excerpt(issuer) + " does not say that it takes PKCE with S256, so that a login there is not safe",
		Hint: "if you trust it all the same: --issuer " + api.Excerpt(issuer)}
}

// OtherIssuer words a resource whose authorization server is another one than an account's.
func OtherIssuer(name, was, is string) *api.Error {
	return &api.Error{Code: api.ConfigInvalid,
		Message: name + " has logged in at " + api.Excerpt(was) + ", and its resource names " + api.Excerpt(is) + " now",
		Hint:    "find out why; to log in there, make a new account: oauthd login NAME --resource URL"}
}

// OtherResource words a resource that calls itself other than an account's.
func OtherResource(name, was, is string) *api.Error {
	return &api.Error{Code: api.ConfigInvalid,
		Message: "the tokens of " + name + " are for " + api.Excerpt(was) + ", and that server calls itself " + api.Excerpt(is),
		Hint:    "make a new account for it: oauthd login NAME --resource URL"}
}
