package main

import "oauthd/daemon/oauthtest"

// addExchange has the provider exchange tokens: for the targets that testdata/script/token-exchange.txtar asks for, and for
// identity assertions. It is both the issuer of a company's logins and a server that takes its assertions: it knows the client
// native as notes.
func addExchange(cfg *oauthtest.Config) {
	cfg.Exchange = &oauthtest.Exchange{
		Targets: []string{"https://billing.example.com"}, Storage: true,
		Assertions: []oauthtest.AssertionTarget{{
			Clients: map[string]string{"native": "notes"}, Resources: []string{"https://notes.example.com/mcp"}, Scopes: []string{"calendar.read"},
		}},
	}
	cfg.Clients = append(cfg.Clients, oauthtest.Client{ID: "notes"})
	cfg.Trusts = []oauthtest.TrustedIssuer{{}}
}
