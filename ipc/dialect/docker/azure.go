package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthd/ipc/api"
)

const (
	// azureUser goes with every token at Azure's registries.
	azureUser = "00000000-0000-0000-0000-000000000000"

	exchangeTimeout = 20 * time.Second // docker's users wait for it
	mostAnswer      = 1 << 20
)

// isAzure reports whether a registry is Azure's, where nobody else can have a host.
func isAzure(host string) bool {
	name, domain, _ := strings.Cut(host, ".")
	return name != "" && (domain == "azurecr.io" || domain == "azurecr.cn" || domain == "azurecr.us")
}

// exchange gets what a registry of Azure's takes for a password: it takes no access token of Entra ID, but gives one of its
// own for it, which lives for three hours and is good for that registry alone
// (https://github.com/Azure/acr/blob/main/docs/AAD-OAuth.md). It calls that a refresh token; it is none of the account's.
func exchange(ctx context.Context, client *http.Client, host string, t api.Token) (password string, err error) {
	ctx, cancel := context.WithTimeout(ctx, exchangeTimeout)
	defer cancel()
	form := url.Values{"grant_type": {"access_token"}, "service": {host}, "access_token": {t.AccessToken}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"/oauth2/exchange", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := client.Do(r)
	if err != nil {
		return "", (&api.Error{Code: api.ProviderUnreachable, Message: api.Excerpt(host) + " does not answer", Hint: "try again later"}).Because(err)
	}
	defer answer.Body.Close()
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, mostAnswer)).Decode(&body)
	switch {
	case answer.StatusCode >= http.StatusInternalServerError:
		return "", &api.Error{Code: api.ProviderUnreachable, Message: api.Excerpt(host) + " is out of order: " + api.Excerpt(answer.Status), Hint: "try again later"}
	case answer.StatusCode != http.StatusOK || err != nil || body.RefreshToken == "":
		return "", (&api.Error{Code: api.ProviderRejected, Message: api.Excerpt(host) + " does not take the token of " + t.Account + ": " + api.Excerpt(answer.Status),
			Hint: "it wants one with the scope https://containerregistry.azure.net/.default, of a person who may use it"}).Because(err)
	}
	return body.RefreshToken, nil
}

// direct is a client that sends a token nowhere but to where it was meant to go.
func direct() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return errors.New("a token is not sent on") }}
}
