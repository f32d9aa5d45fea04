package provider

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
)

func TestRowCheck(t *testing.T) {
	right := Row{Authorization: "https://a.example.com/a", Token: "https://a.example.com/t"}
	if found := right.Check(); found != nil {
		t.Fatalf("got %v", found)
	}
	for _, tc := range []struct {
		name   string
		change func(*Row)
		key    string
		text   string
	}{
		{"tenant without place", func(r *Row) { r.Tenant = "x" }, "tenant", "no URL has a place"},
		{"hint without place", func(r *Row) { r.TenantHint = "x" }, "tenant_hint", "no URL has a place"},
		{"place without tenant", func(r *Row) { r.Device = "https://a.example.com/{tenant}" }, "", "need a tenant"},
		{"tenant that leads out", func(r *Row) { r.Tenant, r.Device = "a/b", "https://a.example.com/{tenant}" },
			"device_authorization_endpoint", "letters, digits"},
		{"issuer with query", func(r *Row) { r.Issuer = "https://a.example.com?x" }, "issuer", "no query"},
		{"template without place", func(r *Row) { r.IssuerTemplate = "https://a.example.com" }, "issuer_template", "{tenantid}"},
		{"http", func(r *Row) { r.PushedRequest = "http://a.example.com" }, "pushed_authorization_request_endpoint", "not https"},
		{"token alone", func(r *Row) { r.Authorization = "" }, "token_endpoint", "go together"},
		{"authorization alone", func(r *Row) { r.Token = "" }, "authorization_endpoint", "go together"},
		{"pushed nowhere", func(r *Row) { r.RequirePAR = true }, "require_pushed_authorization_requests", "needs a"},
		{"iss of nobody", func(r *Row) { r.RequireIss = true }, "authorization_response_iss_parameter_supported", "needs an issuer"},
		{"symmetric", func(r *Row) { r.IDTokenAlgorithms = []string{"HS256"} }, "id_token_signing_alg_values_supported", `"HS256"`},
		{"method", func(r *Row) { r.AuthMethod = "tls" }, "token_endpoint_auth_method",
			`is "none", "client_secret_basic", "client_secret_post" or "private_key_jwt"`},
		{"host", func(r *Row) { r.RedirectHost = "0.0.0.0" }, "redirect_host", `"127.0.0.1", "[::1]" or "localhost"`},
		{"path", func(r *Row) { r.RedirectPath = "callback" }, "redirect_path", "slash"},
		{"path with query", func(r *Row) { r.RedirectPath = "/callback?x" }, "redirect_path", "slash"},
		{"port", func(r *Row) { r.RedirectPort = "8400" }, "redirect_port", `"any" or "fixed"`},
		{"rotation", func(r *Row) { r.Rotation = "yes" }, "rotation", `"static", "rotating" or "none"`},
		{"narrowing", func(r *Row) { r.Narrowing = "exchange" }, "narrowing", `"none" or "refresh"`},
		{"form", func(r *Row) { r.RevocationForm, r.Revocation = "delete", r.Token }, "revocation_form", `"bearer" or "bearer_form"`},
		{"form of nothing", func(r *Row) { r.RevocationForm = "bearer" }, "revocation_form", "needs a revocation_endpoint"},
		{"idle limit", func(r *Row) { r.IdleLimit = "3 months" }, "idle_limit", "duration"},
		{"parameter of ours", func(r *Row) { r.ScopeParameter = "state" }, "scope_parameter", "another use"},
		{"odd parameter", func(r *Row) { r.ScopeParameter = "a b" }, "scope_parameter", "name"},
		{"separator", func(r *Row) { r.ScopeSeparator = ", " }, "scope_separator", "one character"},
		{"other separator", func(r *Row) { r.RequestScopeSeparator = "\n" }, "request_scope_separator", "one character"},
		{"scopes in one", func(r *Row) { r.DefaultScopes = []string{"a b"} }, "default_scopes", "without spaces"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			row := right
			tc.change(&row)
			found := row.Check()
			if len(found) != 1 || found[0].Key != tc.key || !strings.Contains(found[0].Text, tc.text) {
				t.Errorf("got %q, want one of key %q with %q", found, tc.key, tc.text)
			}
		})
	}
}

func TestParseDays(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "90d": 90 * 24 * time.Hour, "36h": 36 * time.Hour, "1h30m": 90 * time.Minute} {
		if got, err := parseDays(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"d", "0d", "-1d", "1.5d", "9999d", "0h", "-1h", "x", "90"} {
		if got, err := parseDays(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestWithDiscovered(t *testing.T) {
	found := Provider{
		Name: "acme.okta.com", Issuer: "https://acme.okta.com",
		Endpoints: account.Endpoints{Authorization: "https://acme.okta.com/a", Token: "https://acme.okta.com/t",
			Revocation: "https://acme.okta.com/r"},
		RequirePAR: true, PushedAuthorizationEndpoint: "https://acme.okta.com/p", JWKSURI: "https://acme.okta.com/k",
		AuthMethods: []string{"client_secret_basic"}, ScopesSupported: []string{"openid"}, ResponseModes: []string{"query"},
		DefaultScopes: []string{"openid", "email"}, OfflineScope: "offline_access", RequireIss: true,
		AuthParams: map[string]string{"prompt": "consent"}, IDTokenAlgorithms: []string{"RS256"},
	}
	row := Row{
		TenantHint: "a domain", Issuer: "https://{tenant}", AuthMethod: "client_secret_post",
		RedirectHost: "localhost", RedirectPort: "fixed", IdleLimit: "7d", Narrowing: "refresh", Rotation: "rotating",
		AuthParams: map[string]string{"audience": "api", "prompt": ""}, DefaultScopes: []string{"openid"},
		Revocation: "https://acme.okta.com/mine", ScopeSeparator: ",",
	}
	p, err := row.Provider("okta").ForTenant("acme.okta.com")
	if err != nil {
		t.Fatal(err)
	}
	got := p.WithDiscovered(found)
	got.row = nil
	want := found
	want.Name, want.Tenant, want.TenantHint = "okta", "acme.okta.com", "a domain"
	want.Endpoints.AuthMethod, want.Endpoints.Revocation = "client_secret_post", "https://acme.okta.com/mine"
	want.Redirect = Redirect{Host: "localhost", Port: PortFixed}
	want.IdleLimit, want.Narrowing, want.Rotation = 7*24*time.Hour, NarrowRefresh, RotationRotating
	want.AuthParams, want.DefaultScopes = map[string]string{"audience": "api"}, []string{"openid"}
	want.ScopeSeparator = ","
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestRowIsWhole(t *testing.T) {
	row := reflect.ValueOf(&Row{}).Elem()
	for i := range row.NumField() {
		field := row.Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString("1h")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Slice:
			field.Set(reflect.ValueOf([]string{"x"}))
		case reflect.Map:
			field.Set(reflect.ValueOf(map[string]string{"x": "y"}))
		}
	}
	full := row.Interface().(Row)
	full.RedirectPort, full.Tenant = "fixed", ""
	p := reflect.ValueOf(full.Provider("x"))
	onlyElsewhere := []string{"ResponseModes", "AuthMethods", "ScopesSupported", "Tenant"}
	for i := range p.NumField() {
		name := p.Type().Field(i).Name
		if p.Field(i).IsZero() != slices.Contains(onlyElsewhere, name) {
			t.Errorf("%s: got zero=%t", name, p.Field(i).IsZero())
		}
	}
}
