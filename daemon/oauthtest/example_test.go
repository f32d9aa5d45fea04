package oauthtest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"

	"oauthd/daemon/oauthtest"
)

// A user agent without a browser says no, and the client's redirect server hears of it.
func ExampleFollow() {
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "the answer was ", r.FormValue("error"))
	}))
	defer client.Close()
	server, err := oauthtest.Listen(oauthtest.Config{
		Clients: []oauthtest.Client{{ID: "app", RedirectURIs: []string{"http://127.0.0.1/callback"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	query := url.Values{
		"response_type":         {"code"},
		"client_id":             {"app"},
		"redirect_uri":          {client.URL + "/callback"},
		"scope":                 {"calendar.read"},
		"code_challenge":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"},
	}
	page, err := oauthtest.Follow(context.Background(), nil, server.Issuer()+"/authorize?"+query.Encode(), oauthtest.Deny)
	fmt.Println(page.Body, err)
	// Output: the answer was access_denied <nil>
}
