package login

import (
	"testing"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// A grant without a client takes nothing of the provider along, but who may use the account is another matter.
func TestAnotherGrantKeepsTheRules(t *testing.T) {
	a := account.Account{
		Name: "work", Provider: "google", Grant: account.GrantAuthorizationCode, Managed: true,
		Policy:  account.Policy{Rules: []account.Rule{{Deny: true, Exe: "/opt/**"}}, Confirm: account.ConfirmFirst},
		Sockets: []account.Socket{{Name: "/run/agent.sock", Account: "work"}},
	}
	if _, err := apply(&a, api.AccountDefinition{Grant: string(account.GrantADC)}); err != nil {
		t.Fatal(err)
	}
	if a.Provider != "" || a.Grant != account.GrantADC {
		t.Errorf("got %+v, want another grant and no provider", a)
	}
	if len(a.Policy.Rules) != 1 || a.Policy.Confirm != account.ConfirmFirst || len(a.Sockets) != 1 {
		t.Errorf("got the policy %+v and the sockets %+v, want them as they were", a.Policy, a.Sockets)
	}
}
