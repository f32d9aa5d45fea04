package provider

import (
	"cmp"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"oauthd/daemon/account"

	"github.com/pelletier/go-toml/v2"
)

func TestRowCheck(t *testing.T) {
	right := Row{Endpoints: account.Endpoints{Authorization: "https://a.example.com/a", Token: "https://a.example.com/t"}}
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
		{"place without tenant", func(r *Row) { r.Endpoints.Device = "https://a.example.com/{tenant}" }, "", "need a tenant"},
		{"tenant that leads out", func(r *Row) { r.Tenant, r.Endpoints.Device = "a/b", "https://a.example.com/{tenant}" },
			"device_authorization_endpoint", "letters, digits"},
		{"issuer with query", func(r *Row) { r.Issuer = "https://a.example.com?x" }, "issuer", "no query"},
		{"template without place", func(r *Row) { r.IssuerTemplate = "https://a.example.com" }, "issuer_template", "{tenantid}"},
		{"http", func(r *Row) { r.PushedAuthorizationEndpoint = "http://a.example.com" }, "pushed_authorization_request_endpoint", "not https"},
		{"token alone", func(r *Row) { r.Endpoints.Authorization = "" }, "token_endpoint", "go together"},
		{"authorization alone", func(r *Row) { r.Endpoints.Token = "" }, "authorization_endpoint", "go together"},
		{"pushed nowhere", func(r *Row) { r.RequirePAR = true }, "require_pushed_authorization_requests", "needs a"},
		{"iss of nobody", func(r *Row) { r.RequireIss = true }, "authorization_response_iss_parameter_supported", "needs an issuer"},
		{"symmetric", func(r *Row) { r.IDTokenAlgorithms = []string{"HS256"} }, "id_token_signing_alg_values_supported", `"HS256"`},
		{"method", func(r *Row) { r.Endpoints.AuthMethod = "tls" }, "token_endpoint_auth_method",
			`is "none", "client_secret_basic", "client_secret_post" or "private_key_jwt"`},
		{"host", func(r *Row) { r.RedirectHost = "0.0.0.0" }, "redirect_host", `"127.0.0.1", "[::1]" or "localhost"`},
		{"path", func(r *Row) { r.RedirectPath = "callback" }, "redirect_path", "slash"},
		{"path with query", func(r *Row) { r.RedirectPath = "/callback?x" }, "redirect_path", "slash"},
		{"port", func(r *Row) { r.RedirectPort = "8400" }, "redirect_port", `"any" or "fixed"`},
		{"rotation", func(r *Row) { r.Rotation = "yes" }, "rotation", `"static", "rotating" or "none"`},
		{"narrowing", func(r *Row) { r.Narrowing = "token" }, "narrowing", `"none", "refresh" or "exchange"`},
		{"form", func(r *Row) { r.RevocationForm, r.Endpoints.Revocation = "delete", r.Endpoints.Token }, "revocation_form", `"bearer" or "bearer_form"`},
		{"form of nothing", func(r *Row) { r.RevocationForm = "bearer" }, "revocation_form", "needs a revocation_endpoint"},
		{"idle limit", func(r *Row) { r.IdleLimit = "3 months" }, "idle_limit", "duration"},
		{"empty secret without Basic", func(r *Row) { r.EmptySecret = true }, "empty_secret", "client_secret_basic"},
		{"token lifetime", func(r *Row) { r.TokenLifetime = "0h" }, "token_lifetime", "duration"},
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

func TestWithDiscovered(t *testing.T) {
	found := Provider{Name: "acme.okta.com", Row: Row{
		Issuer: "https://acme.okta.com",
		Endpoints: account.Endpoints{Authorization: "https://acme.okta.com/a", Token: "https://acme.okta.com/t",
			Revocation: "https://acme.okta.com/r"},
		RequirePAR: true, PushedAuthorizationEndpoint: "https://acme.okta.com/p", JWKSURI: "https://acme.okta.com/k",
		DefaultScopes: []string{"openid", "email"}, OfflineScope: "offline_access", RequireIss: true,
		AuthParams: map[string]string{"prompt": "consent"}, IDTokenAlgorithms: []string{"RS256"},
	}}
	found.AuthMethods, found.ScopesSupported, found.ResponseModes = []string{"client_secret_basic"}, []string{"openid"}, []string{"query"}
	row := Row{
		TenantHint: "a domain", Issuer: "https://{tenant}",
		Endpoints:    account.Endpoints{AuthMethod: "client_secret_post", Revocation: "https://acme.okta.com/mine"},
		RedirectHost: "localhost", RedirectPort: "fixed", IdleLimit: "7d", Narrowing: "refresh", Rotation: "rotating",
		AuthParams: map[string]string{"audience": "api", "prompt": ""}, DefaultScopes: []string{"openid"},
		ScopeSeparator: ",",
	}
	p, err := row.Provider("okta").ForTenant("acme.okta.com")
	if err != nil {
		t.Fatal(err)
	}
	got := p.WithDiscovered(found)
	got.entry = nil
	want := found
	want.Name, want.Tenant, want.TenantHint = "okta", "acme.okta.com", "a domain"
	want.Endpoints.AuthMethod, want.Endpoints.Revocation = "client_secret_post", "https://acme.okta.com/mine"
	want.RedirectHost, want.RedirectPort = "localhost", "fixed"
	want.IdleLimit, want.Narrowing, want.Rotation = row.IdleLimit, NarrowRefresh, RotationRotating
	want.AuthParams, want.DefaultScopes = map[string]string{"audience": "api"}, []string{"openid"}
	want.ScopeSeparator = ","
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestNothingIsHidden fails if something can be written in a row that oauthd providers NAME --json does not show.
func TestNothingIsHidden(t *testing.T) {
	_, shown := describe(t, Row{})
	fields := 0
	eachField(reflect.ValueOf(&Row{}).Elem(), func(field reflect.StructField, _ reflect.Value) {
		fields++
		key := strings.TrimSuffix(field.Tag.Get("toml"), ",omitempty")
		var row Row
		eachField(reflect.ValueOf(&row).Elem(), func(other reflect.StructField, value reflect.Value) {
			if other.Name == field.Name && other.Tag == field.Tag {
				setSome(t, value)
			}
		})
		var read Row
		if err := toml.NewDecoder(strings.NewReader(key + " = " + some(field.Type))).DisallowUnknownFields().Decode(&read); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if !reflect.DeepEqual(read, row) {
			t.Errorf("%s: read %+v, want %+v", key, read, row)
		}
		if key == "tenant" {
			row.Issuer = "https://{tenant}" // a place for it
		}
		row.Endpoints.Revocation = cmp.Or(row.Endpoints.Revocation, "x") // without it no form is shown
		text, with := describe(t, row)
		if reflect.DeepEqual(shown, with) {
			t.Errorf("%s: setting it changes nothing in %s", key, text)
		}
		if _, ok := with[key]; !ok && key != "no_refresh_token" { // shown as no_refresh
			t.Errorf("%s: got %s, want this key in it", key, text)
		}
	})
	if fields < 50 {
		t.Errorf("got %d fields, want them all", fields)
	}
}

// describe returns what a caller is shown of row.
func describe(t *testing.T, row Row) (text []byte, members map[string]json.RawMessage) {
	t.Helper()
	text, err := json.Marshal(row.Provider("corp").Describe())
	if err == nil {
		err = json.Unmarshal(text, &members)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text, members
}

// eachField visits every field of a row, those of embedded structs too.
func eachField(row reflect.Value, visit func(reflect.StructField, reflect.Value)) {
	for i := range row.NumField() {
		if field := row.Type().Field(i); field.Anonymous {
			eachField(row.Field(i), visit)
		} else {
			visit(field, row.Field(i))
		}
	}
}

func setSome(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("1h")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.ValueOf([]string{"x"}))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"x": "y"}))
	default:
		t.Fatalf("no row has a %s", v.Type())
	}
}

// some is what setSome sets, as TOML.
func some(typ reflect.Type) string {
	switch typ.Kind() {
	case reflect.Bool:
		return "true"
	case reflect.Slice:
		return `["x"]`
	case reflect.Map:
		return `{x = "y"}`
	}
	return `"1h"`
}

// A caller that changes what it was given changes nobody's provider.
func TestDescribeSharesNothing(t *testing.T) {
	p, _ := Lookup("google")
	p.Describe().AuthParams["prompt"] = "none"
	p.Describe().DefaultScopes[0] = "changed"
	if p.AuthParams["prompt"] != "consent" || p.DefaultScopes[0] != "openid" {
		t.Errorf("got %v, %v; want the table's own", p.AuthParams, p.DefaultScopes)
	}
}

func TestDescribe(t *testing.T) {
	google, _ := Lookup("google")
	microsoft, _ := Lookup("microsoft")
	github, _ := Lookup("github")
	okta, _ := Lookup("okta")
	corp := Row{Issuer: "https://login.example.com"}.Provider("corp")
	plain := Row{Endpoints: account.Endpoints{Revocation: "https://x.example.com/r"}, RevocationForm: "rfc7009"}.Provider("plain")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"built in", []bool{google.Describe().BuiltIn, corp.Describe().BuiltIn}, []bool{true, false}},
		{"discovered", []bool{google.Describe().Discovered, okta.Describe().Discovered, corp.Describe().Discovered}, []bool{false, true, true}},
		{"issuer of one tenant each", microsoft.Describe().Issuer, "https://login.microsoftonline.com/{tenantid}/v2.0"},
		{"default scopes are a list", corp.Describe().DefaultScopes, []string{}},
		{"narrowing", []string{google.Describe().Narrowing, github.Describe().Narrowing, corp.Describe().Narrowing, okta.Describe().Narrowing},
			[]string{"refresh", "none", "unknown", "unknown"}},
		{"revocation", []string{google.Describe().RevocationForm, github.Describe().RevocationForm, corp.Describe().RevocationForm, plain.Describe().RevocationForm},
			[]string{"rfc7009", "github", "", "rfc7009"}},
		{"RFC 7009's form is the usual one", plain.RevocationForm, ""},
		{"redirect URI", []string{google.Describe().RedirectURI, microsoft.Describe().RedirectURI, okta.Describe().RedirectURI},
			[]string{"http://127.0.0.1/callback", "http://localhost/", "http://127.0.0.1:8400/callback"}},
	} {
		if !reflect.DeepEqual(tt.got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}
