package provider

import (
	"slices"
	"time"

	"oauthd/daemon/account"
)

// Lookup returns the built-in provider of that name. The result shares nothing with later ones.
func Lookup(name string) (Provider, bool) {
	for _, p := range table() {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}

// Names returns the names of the built-in providers, sorted.
func Names() []string {
	var names []string
	for _, p := range table() {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

// LookupIssuer returns the built-in provider that issuer belongs to, pinned to that one issuer. The result shares nothing
// with later ones.
func LookupIssuer(issuer string) (Provider, bool) {
	for _, p := range table() {
		if p.IssuerMatches(issuer, "") {
			p.Issuer, p.IssuerTemplate = issuer, ""
			return p, true
		}
	}
	return Provider{}, false
}

// table builds the built-in providers anew at each call, because a Provider holds maps that its owner may change.
func table() []Provider {
	return []Provider{google(), microsoft(), github(), gitlab()}
}

const day = 24 * time.Hour

func google() Provider {
	return Provider{
		Name:   "google",
		Issuer: "https://accounts.google.com",
		// Google's documentation names both spellings for iss in ID tokens.
		IssuerAliases: []string{"accounts.google.com"},
		Endpoints: account.Endpoints{
			Authorization: "https://accounts.google.com/o/oauth2/v2/auth",
			Token:         "https://oauth2.googleapis.com/token",
			Device:        "https://oauth2.googleapis.com/device/code",
			Revocation:    "https://oauth2.googleapis.com/revoke",
			Userinfo:      "https://openidconnect.googleapis.com/v1/userinfo",
			AuthMethod:    string(AuthPost),
		},
		JWKSURI:           "https://www.googleapis.com/oauth2/v3/certs",
		IDTokenAlgorithms: []string{"RS256"},
		DefaultScopes:     []string{"openid", "email"},
		// A refresh token comes with access_type=offline, and after the first consent only with prompt=consent.
		AuthParams: map[string]string{"access_type": "offline", "prompt": "consent"},
		// Not at every login: it would also bring what the person granted this client elsewhere.
		MoreScopesParams: map[string]string{"include_granted_scopes": "true"},
		Narrowing:        NarrowRefresh,
		IdleLimit:        180 * day, // six months
		ScopeAliases: map[string]string{
			"email":   "https://www.googleapis.com/auth/userinfo.email",
			"profile": "https://www.googleapis.com/auth/userinfo.profile",
		},
	}
}

func microsoft() Provider {
	const base = "https://login.microsoftonline.com/common/oauth2/v2.0/"
	return Provider{
		Name:           "microsoft",
		IssuerTemplate: "https://login.microsoftonline.com/" + tenantMark + "/v2.0",
		Endpoints: account.Endpoints{
			Authorization: base + "authorize",
			Token:         base + "token",
			Device:        base + "devicecode",
			Userinfo:      "https://graph.microsoft.com/oidc/userinfo",
			AuthMethod:    string(AuthPost),
		},
		JWKSURI:           "https://login.microsoftonline.com/common/discovery/v2.0/keys",
		IDTokenAlgorithms: []string{"RS256"},
		DefaultScopes:     []string{"openid", "profile", "email"},
		// [::1] cannot be registered, 127.0.0.1 only by editing the manifest; the path of a bare http://localhost is "/".
		Redirect:  Redirect{Host: "localhost", Path: "/"},
		Narrowing: NarrowRefresh,
		// Scopes of several resources may be consented to at once, but not asked for in one token request.
		OneResourcePerToken: true,
		IdleLimit:           90 * day,
		ScopePrefix:         "https://graph.microsoft.com/",
		ScopesFoldCase:      true,
		ScopesNotEchoed:     []string{"openid", "profile", "email", "offline_access"},
		OfflineScope:        "offline_access",
	}
}

// github is a GitHub OAuth app. It has no issuer, no discovery and no RFC 7009 endpoint.
func github() Provider {
	return Provider{
		Name: "github",
		Endpoints: account.Endpoints{
			Authorization: "https://github.com/login/oauth/authorize",
			Token:         "https://github.com/login/oauth/access_token",
			Device:        "https://github.com/login/device/code",
			Userinfo:      "https://api.github.com/user",
			AuthMethod:    string(AuthPost),
		},
		DefaultScopes: []string{"read:user"},
		// The path must be the registered one or below it.
		Redirect:       Redirect{Host: "127.0.0.1", Path: "/callback"},
		ScopeSeparator: ",",
		ScopeParents: map[string]string{
			"read:user": "user", "user:email": "user", "user:follow": "user",
			"public_repo": "repo", "repo:status": "repo", "repo_deployment": "repo", "repo:invite": "repo",
			"security_events": "repo",
			"read:org":        "write:org", "write:org": "admin:org",
			"read:packages": "write:packages",
		},
		NoRefreshToken: "GitHub OAuth apps give access tokens that do not expire, and no refresh token",
		SubjectClaim:   "id",
		EmailClaim:     "email",
	}
}

// gitlab is gitlab.com, GitLab 15 or later.
func gitlab() Provider {
	return Provider{
		Name:   "gitlab",
		Issuer: "https://gitlab.com",
		Endpoints: account.Endpoints{
			Authorization: "https://gitlab.com/oauth/authorize",
			Token:         "https://gitlab.com/oauth/token",
			Device:        "https://gitlab.com/oauth/authorize_device",
			Revocation:    "https://gitlab.com/oauth/revoke",
			Userinfo:      "https://gitlab.com/oauth/userinfo",
			AuthMethod:    string(AuthPost),
		},
		JWKSURI:                 "https://gitlab.com/oauth/discovery/keys",
		IDTokenAlgorithms:       []string{"RS256"},
		DefaultScopes:           []string{"openid", "email"},
		RefreshKillsAccessToken: true,
	}
}
