package provider

import (
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
)

// Many MCP servers take nothing but messages, and challenge those alone. Anything else is asked by GET and no more.
func TestChallengeToAMessage(t *testing.T) {
	for _, test := range []struct {
		name   string
		status int // of GET
		scopes []string
	}{
		{"no GET", http.StatusMethodNotAllowed, []string{"from.challenge"}},
		{"no page", http.StatusNotFound, []string{"from.challenge"}},
		{"a page", http.StatusOK, []string{"from.document"}},
		{"a challenge that says nothing", http.StatusUnauthorized, []string{"from.document"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			posts := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				own := "http://" + r.Host
				switch {
				case r.URL.Path == "/elsewhere":
					_, _ = io.WriteString(w, `{"resource":"`+own+`/mcp","authorization_servers":["https://login.example.com"]}`)
				case r.URL.Path == protectedPath+"/mcp":
					_, _ = io.WriteString(w, `{"resource":"`+own+`/mcp","authorization_servers":["https://login.example.com"],"scopes_supported":["from.document"]}`)
				case r.Method == http.MethodPost:
					posts++
					body, _ := io.ReadAll(r.Body)
					if string(body) != ping || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Authorization") != "" {
						t.Errorf("got %s, want a ping without a credential", body)
					}
					w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="`+own+`/elsewhere", scope="from.challenge"`)
					w.WriteHeader(http.StatusUnauthorized)
				default:
					w.WriteHeader(test.status)
				}
			}))
			t.Cleanup(server.Close)
			got, err := DiscoverResource(t.Context(), nil, server.URL+"/mcp")
			if err != nil || !reflect.DeepEqual(got.Scopes, test.scopes) {
				t.Errorf("got %+v, %v, want the scopes %q", got, err, test.scopes)
			}
			if want := test.scopes[0] == "from.challenge"; (posts == 1) != want {
				t.Errorf("got %d messages, want one %t", posts, want)
			}
		})
	}
}
