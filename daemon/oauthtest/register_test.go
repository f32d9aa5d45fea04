package oauthtest

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func registrationConfig() Config {
	cfg := testConfig()
	cfg.Registration = true
	cfg.Clients = nil
	return cfg
}

func register(t *testing.T, r *Running, body, contentType string) answer {
	t.Helper()
	req := postRequest(t, r, "/register", body)
	req.Header.Set("Content-Type", contentType)
	return do(t, r, req)
}

const goodMetadata = `{"redirect_uris":["http://127.0.0.1/callback"],"token_endpoint_auth_method":"none",` +
	`"grant_types":["authorization_code","refresh_token"],"response_types":["code"],"application_type":"native",` +
	`"client_name":"Desk","scope":"openid calendar.read","software_id":7}`

func TestRegistration(t *testing.T) {
	r := startPipe(t, registrationConfig())
	a := register(t, r, goodMetadata, "application/json; charset=utf-8")
	id := a.text("client_id")
	if a.status != http.StatusCreated || id == "" || a.text("token_endpoint_auth_method") != "none" || a.text("client_name") != "Desk" ||
		a.fields["client_secret"] != nil || a.fields["client_id_issued_at"] == nil {
		t.Fatalf("got %d %q: %v", a.status, a.text("error"), a.fields)
	}
	if got := r.RegisteredClients(); !reflect.DeepEqual(got, []string{id}) {
		t.Errorf("RegisteredClients: got %v, want %q", got, id)
	}
	scope := "openid offline_access"
	first := post(t, r, "/token", exchangeForm(authorize(t, r, parameters("client_id", id, "scope", scope)).Get("code"), "client_id", id))
	if first.status != http.StatusOK || first.text("refresh_token") == "" {
		t.Fatalf("login: got %d %q", first.status, first.text("error"))
	}
	if other := register(t, r, goodMetadata, "application/json").text("client_id"); other == id || other == "" {
		t.Errorf("the same again: got %q, want another client", other)
	}
	r.ForgetClients()
	wantError(t, post(t, r, "/token", refreshForm(first.text("refresh_token"), "client_id", id)), 401, "invalid_client")
	if a := get(t, r, r.Issuer()+"/authorize?"+parameters("client_id", id).Encode()); a.status != http.StatusBadRequest {
		t.Errorf("authorize with a forgotten client: got status %d, want 400", a.status)
	}
	if got := r.RegisteredClients(); len(got) != 0 {
		t.Errorf("RegisteredClients: got %v, want none", got)
	}
}

func TestRegisteredClientKeepsToItsGrants(t *testing.T) {
	cfg := registrationConfig()
	cfg.Device = true
	r := startPipe(t, cfg)
	only := strings.Replace(goodMetadata, `,"refresh_token"]`, `]`, 1)
	id := register(t, r, only, "application/json").text("client_id")
	a := post(t, r, "/token", exchangeForm(authorize(t, r, parameters("client_id", id)).Get("code"), "client_id", id))
	if a.status != http.StatusOK || a.text("refresh_token") != "" {
		t.Errorf("got %d, refresh token %t, want 200 and none", a.status, a.text("refresh_token") != "")
	}
	wantError(t, post(t, r, "/token", refreshForm("x", "client_id", id)), 400, "unauthorized_client")
	device := strings.Replace(goodMetadata, `"authorization_code"`, `"`+deviceGrantType+`"`, 1)
	id = register(t, r, device, "application/json").text("client_id")
	if got := authorize(t, r, parameters("client_id", id)); got.Get("error") != "unauthorized_client" {
		t.Errorf("authorize: got error %q, want unauthorized_client", got.Get("error"))
	}
	startDevice(t, r, "client_id", id)
}

func TestRegistrationRefuses(t *testing.T) {
	for _, tc := range []struct{ name, old, new, want string }{
		{"no redirect URI", `["http://127.0.0.1/callback"]`, `[]`, "invalid_redirect_uri"},
		{"far http", `http://127.0.0.1/`, `http://app.example.com/`, "invalid_redirect_uri"},
		{"wildcard", `127.0.0.1/callback`, `127.0.0.1/*`, "invalid_redirect_uri"},
		{"fragment", `/callback`, `/callback#f`, "invalid_redirect_uri"},
		{"user information", `http://127.0.0.1`, `http://u@127.0.0.1`, "invalid_redirect_uri"},
		{"script", `http://127.0.0.1/callback`, `javascript:alert(1)`, "invalid_redirect_uri"},
		{"a secret wanted", `"none"`, `"client_secret_basic"`, "invalid_client_metadata"},
		{"a secret wanted by default", `"token_endpoint_auth_method":"none",`, ``, "invalid_client_metadata"},
		{"web", `"native"`, `"web"`, "invalid_client_metadata"},
		{"web by default", `"application_type":"native",`, ``, "invalid_client_metadata"},
		{"grant type", `"refresh_token"`, `"password"`, "invalid_client_metadata"},
		{"device where it is not offered", `"refresh_token"`, `"` + deviceGrantType + `"`, "invalid_client_metadata"},
		{"implicit", `["code"]`, `["token"]`, "invalid_client_metadata"},
		{"scope", `openid calendar.read`, `files.read`, "invalid_client_metadata"},
		{"not JSON", `{`, ``, "invalid_client_metadata"},
		{"wrong type", `"Desk"`, `7`, "invalid_client_metadata"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := startPipe(t, registrationConfig())
			body := strings.Replace(goodMetadata, tc.old, tc.new, 1)
			wantError(t, register(t, r, body, "application/json"), 400, tc.want)
			if got := r.RegisteredClients(); len(got) != 0 {
				t.Errorf("RegisteredClients: got %v, want none", got)
			}
		})
	}
	r := startPipe(t, registrationConfig())
	wantError(t, register(t, r, goodMetadata, "text/plain"), 400, "invalid_client_metadata")
	wantError(t, register(t, r, `{"x":"`+strings.Repeat("x", 70<<10)+`"}`, "application/json"), 400, "invalid_request")
	if a := get(t, r, r.Issuer()+"/register"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: got status %d, want 405", a.status)
	}
	if a := register(t, startPipe(t, testConfig()), goodMetadata, "application/json"); a.status != http.StatusNotFound {
		t.Errorf("where it is not offered: got status %d, want 404", a.status)
	}
}

func FuzzRegistration(f *testing.F) {
	f.Add(goodMetadata)
	f.Add(`{"redirect_uris":[""],"application_type":"native","token_endpoint_auth_method":"none"}`)
	f.Add(`[]`)
	r := Pipe(registrationConfig())
	f.Cleanup(func() { _ = r.Close() })
	f.Fuzz(func(t *testing.T, body string) {
		if a := register(t, r, body, "application/json"); a.status != http.StatusCreated && a.status != http.StatusBadRequest {
			t.Errorf("got status %d, want 201 or 400", a.status)
		}
	})
}
