package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// An HTTP client that carries the account's access token. Google's API clients take the same source:
//
//	calendar.NewService(ctx, option.WithTokenSource(source))
func ExampleClient_TokenSource() {
	ctx := context.Background()
	var c client.Client
	defer c.Close()

	source := c.TokenSource(ctx, api.TokenRequest{Account: "work"})
	web := oauth2.NewClient(ctx, source)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example.com/v1/events", nil)
	if err != nil {
		return
	}
	resp, err := web.Do(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// One token, and what to do when a person has to log in.
func ExampleClient_Token() {
	var c client.Client
	defer c.Close()

	atLeast := int64(300)
	token, err := c.Token(context.Background(), api.TokenRequest{Account: "work", MinTTL: &atLeast})
	switch {
	case errors.Is(err, &api.Error{Code: api.LoginRequired}):
		fmt.Println("run: oauthd login work")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(token.TokenType, token.ExpiresAt)
	}
}
