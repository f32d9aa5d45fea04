package book

import (
	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Origin is where a credential came from, and so the only place it may go.
type Origin struct{ issuer, tokenEndpoint, clientID string }

// OriginOf returns where c came from.
func OriginOf(c account.Credential) Origin { return Origin{c.Issuer, c.TokenEndpoint, c.ClientID} }

// Differs returns why a credential from o does not go to a at p, or "". A token endpoint that p does not name is one
// that has to be discovered.
func (o Origin) Differs(a account.Account, p provider.Provider) (why string) {
	what := ""
	switch {
	case p.Issuer != o.issuer:
		what = "issuer"
	case p.Endpoints.Token != "" && p.Endpoints.Token != o.tokenEndpoint:
		what = "token endpoint"
	case a.ClientID != "" && a.ClientID != o.clientID:
		what = "client"
	default:
		return ""
	}
	return "the " + what + " has changed since the login, and a refresh token goes only where it came from"
}

// Rebound returns why the credential that f reports is not for the account as it is configured now, as far as that is
// known without asking the issuer; "" if it is.
func (b *Book) Rebound(a account.Account, f Facts) (why string) {
	p, err := b.KnownProvider(a)
	if err != nil || a.SelfContained() || !a.Grant.HasClient() {
		return ""
	}
	return f.From.Differs(a, p)
}
