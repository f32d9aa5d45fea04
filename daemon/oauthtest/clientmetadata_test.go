package oauthtest

import (
	"net/http"
	"strings"
	"testing"
)

const documentURL = "https://ada.example.com/client.json"

const goodDocument = `{"client_id":"` + documentURL + `","client_name":"Desk","redirect_uris":["http://127.0.0.1/callback"],` +
	`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"}`

func TestClientMetadata(t *testing.T) {
	cfg := testConfig()
	cfg.Clients, cfg.ClientMetadata = nil, map[string]string{documentURL: goodDocument}
	r := startPipe(t, cfg)
	found := get(t, r, r.URL+"/.well-known/oauth-authorization-server")
	if found.fields["client_id_metadata_document_supported"] != true {
		t.Errorf("got metadata %v, want the documents in it", found.fields)
	}
	code := authorize(t, r, parameters("client_id", documentURL, "scope", "openid offline_access")).Get("code")
	first := post(t, r, "/token", exchangeForm(code, "client_id", documentURL))
	if first.status != http.StatusOK || first.text("refresh_token") == "" {
		t.Fatalf("login: got %d %q", first.status, first.text("error"))
	}
	again := post(t, r, "/token", refreshForm(first.text("refresh_token"), "client_id", documentURL))
	if again.status != http.StatusOK {
		t.Errorf("refresh: got %d %q", again.status, again.text("error"))
	}
	r.SetClientMetadata(documentURL, "")
	wantError(t, post(t, r, "/token", refreshForm(again.text("refresh_token"), "client_id", documentURL)), 401, "invalid_client")
}

func TestClientMetadataRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new string }{
		{"another id", documentURL, documentURL + "?"},
		{"a secret", `"none"`, `"client_secret_basic"`},
		{"the default method", `,"token_endpoint_auth_method":"none"`, ""},
		{"no redirect URI", `["http://127.0.0.1/callback"]`, `[]`},
		{"another redirect URI", `/callback"]`, `/other"]`},
		{"no code", `["code"]`, `["token"]`},
		{"no JSON", "{", "<"},
	} {
		cfg := testConfig()
		cfg.ClientMetadata = map[string]string{documentURL: strings.Replace(goodDocument, tc.old, tc.new, 1)}
		r := startPipe(t, cfg)
		if a := get(t, r, r.Issuer()+"/authorize?"+parameters("client_id", documentURL).Encode()); a.status != http.StatusBadRequest {
			t.Errorf("%s: got status %d, want 400", tc.name, a.status)
		}
	}
	r := startPipe(t, testConfig())
	if found := get(t, r, r.URL+"/.well-known/oauth-authorization-server"); found.fields["client_id_metadata_document_supported"] != nil {
		t.Errorf("got metadata %v, want no documents in it", found.fields)
	}
}
