package provider

import (
	"reflect"
	"testing"

	"oauthd/daemon/account"
)

// described is a provider of which everything is known that a discovery document may say.
func described(host string) Provider {
	at := "https://" + host + "/"
	p := Provider{Name: host, Row: Row{
		Issuer: at,
		Endpoints: account.Endpoints{
			Authorization: at + "authorize", Token: at + "token", Device: at + "device", Revocation: at + "revoke", Userinfo: at + "userinfo",
			AuthMethod: "client_secret_post",
		},
		PushedAuthorizationEndpoint: at + "par", RequirePAR: true, RegistrationEndpoint: at + "register", JWKSURI: at + "jwks",
		IDTokenAlgorithms: []string{"of " + host}, RequireIss: true, DefaultScopes: []string{host}, OfflineScope: "offline",
		AuthParams: map[string]string{"prompt": host},
	}}
	p.ResponseModes, p.AuthMethods, p.ScopesSupported = []string{"query"}, []string{"none"}, []string{host}
	p.ChallengeMethods, p.ClientIDMetadata = []string{"S256"}, true
	return p
}

// TestWithDiscoveredFillsUp checks that a document fills up what a person or the table left open, and nothing else.
func TestWithDiscoveredFillsUp(t *testing.T) {
	found := described("found.example.com")
	got := Provider{}.WithDiscovered(found)
	got.strangers = nil
	if !reflect.DeepEqual(got, found) {
		t.Errorf("all left open: got %+v, want %+v", got, found)
	}
	known := described("known.example.com")
	got = known.WithDiscovered(found)
	got.strangers = nil
	want := known
	want.ResponseModes, want.AuthMethods, want.ScopesSupported = found.ResponseModes, found.AuthMethods, found.ScopesSupported
	want.ChallengeMethods, want.ClientIDMetadata = found.ChallengeMethods, found.ClientIDMetadata
	if !reflect.DeepEqual(got, want) {
		t.Errorf("nothing left open: got %+v, want %+v", got, want)
	}
	if strict := known.WithDiscovered(Provider{}); !strict.RequirePAR || !strict.RequireIss {
		t.Errorf("the document says nothing: got %+v, want required what was", strict)
	}
	bare := Provider{}.WithDiscovered(Provider{})
	if bare.RequirePAR || bare.RequireIss || bare.DefaultScopes != nil {
		t.Errorf("nothing said: got %+v, want nothing required", bare)
	}
}

// TestWithDiscoveredParameters checks that a person may add to a document's parameters, change them, and take them away.
func TestWithDiscoveredParameters(t *testing.T) {
	found := Provider{Row: Row{AuthParams: map[string]string{"prompt": "consent", "a": "found"}}}
	got := Provider{Row: Row{AuthParams: map[string]string{"prompt": "", "a": "ours", "b": "ours"}}}.WithDiscovered(found)
	if want := map[string]string{"a": "ours", "b": "ours"}; !reflect.DeepEqual(got.AuthParams, want) {
		t.Errorf("got %v, want %v", got.AuthParams, want)
	}
	if found.AuthParams["prompt"] != "consent" || found.AuthParams["a"] != "found" {
		t.Errorf("the document's own were changed: got %v", found.AuthParams)
	}
}

// TestWithDocument checks that today's document counts, and not what the table knew of the same things.
func TestWithDocument(t *testing.T) {
	found := Provider{Name: "found", Row: Row{Endpoints: account.Endpoints{Authorization: "https://new.example.com/a", Token: "https://new.example.com/t"}}}
	got := described("known.example.com").withDocument(found)
	if got.Endpoints.Token != "https://new.example.com/t" || got.Endpoints.Revocation != "" || got.Endpoints.AuthMethod != "client_secret_post" ||
		got.PushedAuthorizationEndpoint != "" || got.RegistrationEndpoint != "" || got.JWKSURI != "" ||
		got.RequirePAR || got.RequireIss || got.IDTokenAlgorithms != nil {
		t.Errorf("got %+v, want the document's addresses and abilities alone", got)
	}
	if got.Name != "known.example.com" || got.DefaultScopes == nil {
		t.Errorf("got %q, default scopes %q; want what else the table knows", got.Name, got.DefaultScopes)
	}
}

// TestFromEndpoints checks that only a stand-in for Google on this machine gets Google's parameters.
func TestFromEndpoints(t *testing.T) {
	here := FromEndpoints(account.Endpoints{Token: "http://127.0.0.1:9/token"})
	if here.Name != "127.0.0.1:9" || here.AuthParams["access_type"] != "offline" {
		t.Errorf("here: got %q with %v, want Google's parameters", here.Name, here.AuthParams)
	}
	there := FromEndpoints(account.Endpoints{Token: "https://login.example.com/token"})
	if there.Name != "login.example.com" || there.AuthParams != nil || there.Describe().Name != "login.example.com" {
		t.Errorf("there: got %q with %v, want none", there.Name, there.AuthParams)
	}
}
