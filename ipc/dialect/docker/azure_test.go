package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"oauthd/ipc/api"
)

// azure is a registry of Azure's, and a client that reaches it by any name.
func azure(t *testing.T, answer http.HandlerFunc) *http.Client {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	transport := server.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // which the certificate is for
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	t.Cleanup(transport.CloseIdleConnections)
	client := direct()
	client.Transport = transport
	return client
}

func TestAzure(t *testing.T) {
	for _, test := range []struct {
		name    string
		answer  http.HandlerFunc
		want    string
		wantErr api.Code
	}{
		{"exchanged", func(w http.ResponseWriter, r *http.Request) {
			if r.Host == "corp.azurecr.io" && r.URL.Path == "/oauth2/exchange" && r.FormValue("grant_type") == "access_token" &&
				r.FormValue("service") == "corp.azurecr.io" && r.FormValue("access_token") == "T" {
				_, _ = w.Write([]byte(`{"refresh_token":"R"}`))
			}
		}, `{"ServerURL":"corp.azurecr.io","Username":"00000000-0000-0000-0000-000000000000","Secret":"R"}`, ""},
		{"refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
			"corp.azurecr.io does not take the token of work: 401 Unauthorized; hint: it wants one with the scope https://containerregistry.azure.net/.default, of a person who may use it", api.ProviderRejected},
		{"out of order", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			"corp.azurecr.io is out of order: 502 Bad Gateway; hint: try again later", api.ProviderUnreachable},
		{"nothing", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
			"corp.azurecr.io does not take the token of work: 200 OK; hint: it wants one with the scope https://containerregistry.azure.net/.default, of a person who may use it", api.ProviderRejected},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/evil" {
				_, _ = w.Write([]byte(`{"refresh_token":"R"}`))
				return
			}
			http.Redirect(w, r, "https://evil.example/evil", http.StatusTemporaryRedirect)
		}, "corp.azurecr.io does not answer; hint: try again later", api.ProviderUnreachable},
		{"a line break", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"refresh_token":"R\n"}`)) },
			"the token of work has a line break, which no registry can take; hint: oauthd account show work", api.Unsupported},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &daemon{places: map[string]string{"corp.azurecr.io": "work"}, token: "T"}
			var out strings.Builder
			err := serve(&helper{t.Context(), d, azure(t, test.answer)}, "get", strings.NewReader("corp.azurecr.io"), &out)
			if out.String() != test.want+"\n" || (test.wantErr == "") != (err == nil) || err != nil && !errors.Is(err, &api.Error{Code: test.wantErr}) {
				t.Errorf("got %q, %v, want %q", out.String(), err, test.want)
			}
		})
	}
}

// Only Azure's own registries see a token outside of a request that a program makes.
func TestIsAzure(t *testing.T) {
	for host, want := range map[string]bool{
		"corp.azurecr.io": true, "corp.azurecr.cn": true, "corp.azurecr.us": true, "azurecr.io": false, ".azurecr.io": false,
		"a.b.azurecr.io": false, "corp.azurecr.io.evil.example": false, "evilazurecr.io": false, "corp.azurecr.com": false,
	} {
		if got := isAzure(host); got != want {
			t.Errorf("%q: got %t, want %t", host, got, want)
		}
	}
}
