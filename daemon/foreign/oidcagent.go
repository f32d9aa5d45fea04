package foreign

import (
	"bytes"
	"regexp"
)

// oidcAgent reads an account of oidc-agent as oidc-gen -p prints it.
func oidcAgent(o *object) Found {
	f := Found{
		Kind: KindCredential, Format: "an account of oidc-agent", Name: o.text("name"),
		Issuer: o.text("issuer_url"), ClientID: o.text("client_id"), ClientSecret: o.secret("client_secret"),
		RefreshToken: o.secret("refresh_token"), Scopes: o.scopes("scope"),
	}
	if f.Issuer == "" { // as older versions name it
		f.Issuer = o.text("issuer")
	}
	if o.wrong == nil && f.RefreshToken.IsZero() {
		o.wrong = mistake("oidc-gen --reauthenticate NAME makes it get one, or use oauthd login",
			"there is no refresh token in this account of oidc-agent")
	}
	return f
}

// isSealed reports whether data is oidc-agent's file as it rests: encrypted, with the version in its last line, or all
// in one line before version 2.1, or by GnuPG.
func isSealed(data []byte) bool {
	return bytes.Contains(data, []byte("\nGenerated using version: ")) ||
		bytes.HasPrefix(data, []byte("-----BEGIN PGP MESSAGE-----")) ||
		regexp.MustCompile(`^[0-9]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+:[0-9A-Fa-f]+$`).Match(data)
}
