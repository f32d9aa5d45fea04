package grant

import (
	"net/http"
	"testing"

	"oauthd/daemon/account"
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
			if pe := asProviderError(t, err); pe.Kind != tc.kind || pe.Code != tc.code {
				t.Errorf("got %s %q, want %s %q", pe.Kind, pe.Code, tc.kind, tc.code)
			}
		})
	}
}
