package grant

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

func TestRevoke(t *testing.T) {
	const js = "application/json"
	for _, tc := range []struct {
		name        string
		status      int
		contentType string
		body        string
		kind        Kind // "" = revoked
		code        string
	}{
		{"ok", 200, js, ``, "", ""},
		{"ok with a page", 200, "text/html", `<p>bye</p>`, "", ""},
		{"no content", 204, "", ``, "", ""},
		{"google, already gone", 400, js, `{"error":"invalid_token"}`, "", ""},
		{"unsupported_token_type", 400, js, `{"error":"unsupported_token_type"}`, Configuration, "unsupported_token_type"},
		{"wrong client", 401, js, `{"error":"invalid_client"}`, Configuration, "invalid_client"},
		{"busy", 503, "", ``, Transient, ""},
		{"no such endpoint", 404, "text/html", `no`, Unknown, ""},
		{"trouble is not success", 503, js, `{"error":"invalid_token"}`, Transient, "invalid_token"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got string
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_ = r.ParseForm()
				got = r.PostForm.Encode()
				say(tc.status, tc.contentType, tc.body)(w, r)
			})
			var c Client
			err := c.Revoke(t.Context(), Revoke{
				RevocationEndpoint: endpoint, Auth: public, Token: account.NewSecret("rt-1"), Hint: "refresh_token",
			})
			if want := "client_id=desk&token=rt-1&token_type_hint=refresh_token"; got != want {
				t.Errorf("form: got %s, want %s", got, want)
			}
			if tc.kind == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			pe := asProviderError(t, err)
			if pe.Kind != tc.kind || pe.Code != tc.code {
				t.Errorf("got %s %q, want %s %q", pe.Kind, pe.Code, tc.kind, tc.code)
			}
		})
	}
}

// A slash at the end of the endpoint is not doubled.
func TestRevokeAtAnEndpointWithASlash(t *testing.T) {
	path := ""
	endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
		path = r.URL.Path
		w.WriteHeader(http.StatusNoContent)
	})
	var c Client
	err := c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint + "/", Form: provider.RevokeGitHub, Token: account.NewSecret("at-1"),
		Auth: ClientAuth{ID: "app", Secret: account.NewSecret("cs-1")}})
	if err != nil || path != "/token/app/grant" {
		t.Errorf("got %v at %s, want /token/app/grant", err, path)
	}
}

func TestRevokeInOtherForms(t *testing.T) {
	const js = "application/json"
	web := ClientAuth{ID: "app/1", Secret: account.NewSecret("cs-1"), Method: provider.AuthPost}
	for _, tc := range []struct {
		name   string
		form   provider.RevocationForm
		auth   ClientAuth
		status int
		body   string
		want   string // the request; "" for none
		kind   Kind   // "" = revoked
		code   string
	}{
		{"github", provider.RevokeGitHub, web, 204, ``,
			`DELETE /token/app%2F1/grant "Basic YXBwLzE6Y3MtMQ==" application/json {"access_token":"at-1"}`, "", ""},
		{"github, unknown token", provider.RevokeGitHub, web, 404, `{"message":"Not Found"}`,
			`DELETE /token/app%2F1/grant "Basic YXBwLzE6Y3MtMQ==" application/json {"access_token":"at-1"}`, Unknown, ""},
		{"github without secret", provider.RevokeGitHub, public, 204, ``, ``, Configuration, ""},
		{"redirect", provider.RevokeBearer, public, 300, ``, `POST /token "Bearer at-1"  `, Unknown, ""},
		{"bearer", provider.RevokeBearer, public, 200, `null`, `POST /token "Bearer at-1"  `, "", ""},
		{"slack", provider.RevokeBearer, public, 200, `{"ok":true,"revoked":true}`, `POST /token "Bearer at-1"  `, "", ""},
		{"slack, error in 200", provider.RevokeBearer, public, 200, `{"ok":false,"error":"not_allowed"}`,
			`POST /token "Bearer at-1"  `, Unknown, "not_allowed"},
		{"slack, gone before", provider.RevokeBearer, public, 200, `{"ok":false,"error":"token_revoked"}`,
			`POST /token "Bearer at-1"  `, "", ""},
		{"dropbox, wrong token", provider.RevokeBearer, public, 401, `{"error":{".tag":"invalid_access_token"}}`,
			`POST /token "Bearer at-1"  `, Unknown, ""},
		{"busy", provider.RevokeBearer, public, 503, ``, `POST /token "Bearer at-1"  `, Transient, ""},
		{"bearer and form", provider.RevokeBearerForm, public, 200, `{}`,
			`POST /token "Bearer at-1" application/x-www-form-urlencoded token=at-1`, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := ""
			endpoint := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				got = fmt.Sprintf("%s %s %q %s %s", r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"),
					r.Header.Get("Content-Type"), body)
				say(tc.status, js, tc.body)(w, r)
			})
			var c Client
			err := c.Revoke(t.Context(), Revoke{
				RevocationEndpoint: endpoint, Form: tc.form, Auth: tc.auth, Token: account.NewSecret("at-1"), Hint: "access_token",
			})
			if got != tc.want {
				t.Errorf("request: got %s, want %s", got, tc.want)
			}
			if tc.kind == "" {
				if err != nil {
					t.Errorf("got %v, want nil", err)
				}
				return
			}
			pe := asProviderError(t, err)
			if pe.Kind != tc.kind || pe.Code != tc.code {
				t.Errorf("got %s %q, want %s %q", pe.Kind, pe.Code, tc.kind, tc.code)
			}
			for name, why := range map[string]string{"github without secret": "needs the client secret", "redirect": "is a redirect"} {
				if tc.name == name && !strings.Contains(pe.Reason, why) {
					t.Errorf("got %q, want that it %s", pe.Reason, why)
				}
			}
		})
	}
}

// A refusal may come as a form, as answers of token endpoints do.
func TestRevocationRefusedAsAForm(t *testing.T) {
	endpoint := serve(t, say(400, "application/x-www-form-urlencoded", "error=invalid_token"))
	var c Client
	if err := c.Revoke(t.Context(), Revoke{RevocationEndpoint: endpoint, Auth: public, Token: account.NewSecret("at-1")}); err != nil {
		t.Errorf("got %v, want the token taken for dead", err)
	}
}
