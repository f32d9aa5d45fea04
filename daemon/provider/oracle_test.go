package provider

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/endpoints"
)

// oracleName is what the table calls an entry of golang.org/x/oauth2/endpoints.
func oracleName(entry string) string {
	switch entry {
	case "Endpoint": // its comment says whose
		return "ebay"
	case "Microsoft": // the endpoint of old; AzureAD is what "microsoft" means
		return "microsoft-live"
	case "AzureAD":
		return "microsoft"
	case "AzureADB2CEndpoint":
		return "azure-ad-b2c"
	case "AWSCognito":
		return "cognito"
	case "AsgardeoEndpoint":
		return "asgardeo"
	case "HipChatServer":
		return "hipchat-server"
	case "MediaMathSandbox":
		return "mediamath-sandbox"
	case "NokiaHealth":
		return "nokia-health"
	case "PayPalSandbox":
		return "paypal-sandbox"
	}
	return strings.ToLower(entry)
}

// oracle reads the source of golang.org/x/oauth2/endpoints, because what a package exports cannot be listed at run time.
func oracle(t *testing.T) (fixed map[string]oauth2.Endpoint, functions []string) {
	t.Helper()
	found, err := build.Import("golang.org/x/oauth2/endpoints", ".", 0)
	if err != nil {
		t.Fatal(err)
	}
	fixed = map[string]oauth2.Endpoint{}
	for _, file := range found.GoFiles {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(found.Dir, file), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok && f.Name.IsExported() {
				functions = append(functions, f.Name.Name)
			}
			values, ok := declaration.(*ast.GenDecl)
			if !ok || values.Tok != token.VAR {
				continue
			}
			for _, spec := range values.Specs {
				name, endpoint, err := readEndpoint(spec.(*ast.ValueSpec))
				if err != nil {
					t.Fatal(err)
				}
				fixed[name] = endpoint
			}
		}
	}
	return fixed, functions
}

func readEndpoint(spec *ast.ValueSpec) (string, oauth2.Endpoint, error) {
	name, endpoint := spec.Names[0].Name, oauth2.Endpoint{}
	literal, ok := spec.Values[0].(*ast.CompositeLit)
	if !ok {
		return "", endpoint, fmt.Errorf("%s is no literal", name)
	}
	for _, element := range literal.Elts {
		pair, isPair := element.(*ast.KeyValueExpr)
		if !isPair {
			return "", endpoint, fmt.Errorf("%s has a value without a key", name)
		}
		value, isText := pair.Value.(*ast.BasicLit)
		if !isText {
			return "", endpoint, fmt.Errorf("%s has a value that is no text", name)
		}
		text, err := strconv.Unquote(value.Value)
		if err != nil {
			return "", endpoint, err
		}
		switch key := pair.Key.(*ast.Ident).Name; key {
		case "AuthURL":
			endpoint.AuthURL = text
		case "TokenURL":
			endpoint.TokenURL = text
		case "DeviceAuthURL":
			endpoint.DeviceAuthURL = text
		default:
			return "", endpoint, fmt.Errorf("%s has a %s, which no column is compared with", name, key)
		}
	}
	return name, endpoint, nil
}

// TestTableHasAllOfXOAuth2 holds the table against an independent list of the same servers.
func TestTableHasAllOfXOAuth2(t *testing.T) {
	fixed, functions := oracle(t)
	if len(fixed) < 50 {
		t.Fatalf("got %d fixed endpoints, want all", len(fixed))
	}
	for entry, want := range fixed {
		switch entry {
		case "Google": // the present version of the same endpoint
			want.AuthURL = "https://accounts.google.com/o/oauth2/v2/auth"
		case "LinkedIn": // the one for native apps, which takes PKCE
			want.AuthURL = "https://www.linkedin.com/oauth/native-pkce/authorization"
		}
		p, ok := Lookup(oracleName(entry))
		compare(t, entry, p, ok, want)
	}
	tenants := map[string]struct {
		tenant string
		want   oauth2.Endpoint
	}{
		"AsgardeoEndpoint": {"acme", endpoints.AsgardeoEndpoint("acme")},
		"AzureAD":          {"contoso.example.com", endpoints.AzureAD("contoso.example.com")},
		"AzureADB2CEndpoint": {
			"contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_In", endpoints.AzureADB2CEndpoint("contoso", "B2C_1_In"),
		},
		"AWSCognito":    {"acme.auth.example.com", endpoints.AWSCognito("https://acme.auth.example.com")},
		"HipChatServer": {"chat.example.com:8443", endpoints.HipChatServer("chat.example.com:8443")},
		"Shopify":       {"acme.example.com", endpoints.Shopify("acme.example.com")},
	}
	for _, entry := range functions {
		tt, ok := tenants[entry]
		if !ok {
			t.Errorf("%s: the test does not know this function", entry)
			continue
		}
		p, ok := Lookup(oracleName(entry))
		p, err := p.ForTenant(tt.tenant)
		if err != nil {
			t.Errorf("%s: %v", entry, err)
		}
		compare(t, entry, p, ok, tt.want)
	}
	common, _ := Lookup("microsoft")
	compare(t, "AzureAD of no tenant", common, true, endpoints.AzureAD(""))
}

func compare(t *testing.T, entry string, p Provider, ok bool, want oauth2.Endpoint) {
	t.Helper()
	if !ok {
		t.Errorf("%s: the table has no %q", entry, oracleName(entry))
		return
	}
	e := p.Endpoints
	if e.Authorization != want.AuthURL || e.Token != want.TokenURL {
		t.Errorf("%s: got %s and %s, want %s and %s", entry, e.Authorization, e.Token, want.AuthURL, want.TokenURL)
	}
	if want.DeviceAuthURL != "" && e.Device != want.DeviceAuthURL {
		t.Errorf("%s: got device endpoint %s, want %s", entry, e.Device, want.DeviceAuthURL)
	}
}
