package main

import "oauthd/daemon/oauthtest"

// addExchange has the provider exchange tokens: for the targets that testdata/script/token-exchange.txtar asks for, and for
// identity assertions.
func addExchange(cfg *oauthtest.Config) {
	cfg.Exchange = &oauthtest.Exchange{Targets: []string{"https://billing.example.com"}, Storage: true}
	cfg.Clients = append(cfg.Clients, oauthtest.Client{ID: "notes"})
	cfg.Trusts = make([]oauthtest.TrustedIssuer, 1)
}

// trustItself makes server, which was started with cfg, both the issuer of a company's logins and a server that takes its
// assertions: it knows the client native as notes.
func trustItself(cfg oauthtest.Config, server *oauthtest.Running) {
	cfg.Trusts[0] = oauthtest.TrustedIssuer{Issuer: server.Issuer(), Keys: server.Keys}
	cfg.Exchange.Assertions = []oauthtest.AssertionTarget{{
		Issuer: server.Issuer(), Clients: map[string]string{"native": "notes"}, Resources: []string{"https://notes.example.com/mcp"},
		Scopes: []string{"calendar.read"},
	}}
}
