package daemon

import (
	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// origin is where a credential came from, and so the only place it may go.
type origin struct{ issuer, tokenEndpoint, clientID string }

func originOf(c account.Credential) origin { return origin{c.Issuer, c.TokenEndpoint, c.ClientID} }

// moved returns why a credential from o does not go to a at p, or "". A token endpoint that p does not name is one that
// has to be discovered.
func (o origin) moved(a account.Account, p provider.Provider) (why string) {
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
	return "the " + what + " is another than at the login, and the refresh token goes only where it came from"
}

// moved returns why the credential is not for the account as it is configured now, as far as that is known without
// asking the issuer; "" where it is.
func (d *Daemon) moved(a account.Account, f facts) (why string) {
	p, err := d.named(a)
	if err != nil || selfContained(a) || !a.Grant.HasClient() {
		return ""
	}
	return f.from.moved(a, p)
}
