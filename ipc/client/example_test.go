package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// One token, and what to do when a person has to log in.
func ExampleClient_Token() {
	var c client.Client
	defer c.Close()

	token, err := c.Token(context.Background(), api.TokenRequest{Account: "work", MinTTL: new(int64(300))})
	var e *api.Error
	switch {
	case errors.Is(err, client.ErrLoginRequired) && errors.As(err, &e):
		fmt.Println(e.Message, e.Hint) // the hint is the command
	case errors.Is(err, client.ErrNoDaemon):
		fmt.Println("start oauthd first")
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Println(token.TokenType, token.ExpiresAt)
	}
}

// An HTTP client that carries the account's token, and gets another one when the server refuses it.
func ExampleClient_Transport() {
	var c client.Client
	defer c.Close()

	web := &http.Client{Transport: c.Transport(api.TokenRequest{Account: "work"}, nil)}
	resp, err := web.Get("https://api.example.com/v1/events")
	if errors.Is(err, client.ErrLoginRequired) {
		fmt.Println("run: oauthd login work")
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// Wherever an oauth2.TokenSource is taken.
func ExampleClient_TokenSource() {
	ctx := context.Background()
	var c client.Client
	defer c.Close()

	source := c.TokenSource(ctx, api.TokenRequest{Account: "work"})
	web := &http.Client{Transport: &oauth2.Transport{Source: source}}
	resp, err := web.Get("https://api.example.com/v1/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// Google's API clients take the source, or an HTTP client:
//
//	service, err := calendar.NewService(ctx, option.WithTokenSource(source))
//	events, err := service.Events.List("primary").Do()
//
// Their REST endpoints can be had without them too.
func ExampleClient_TokenSource_google() {
	ctx := context.Background()
	var c client.Client
	defer c.Close()

	const readOnly = "https://www.googleapis.com/auth/calendar.readonly"
	source := c.TokenSource(ctx, api.TokenRequest{Account: "work", Scope: readOnly})
	web := oauth2.NewClient(ctx, source)
	query := url.Values{"maxResults": {"10"}, "orderBy": {"startTime"}, "singleEvents": {"true"}}
	resp, err := web.Get("https://www.googleapis.com/calendar/v3/calendars/primary/events?" + query.Encode())
	if errors.Is(err, client.ErrScopeNotGranted) {
		fmt.Println("run: oauthd login work --scope " + readOnly)
		return
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.Status)
}

// gRPC asks the source for every call, over TLS alone.
func ExampleClient_TokenSource_grpc() {
	ctx := context.Background()
	var c client.Client
	defer c.Close()

	source := c.TokenSource(ctx, api.TokenRequest{Account: "work"})
	conn, err := grpc.NewClient("pubsub.googleapis.com:443",
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{})),
		grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: source}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	// pubsub.NewPublisherClient(conn) …
}

// How everything is, and then whatever changes, across restarts of the daemon.
func ExampleClient_Watch() {
	var c client.Client
	defer c.Close()

	for event, err := range c.Watch(context.Background(), "") {
		switch {
		case err != nil:
			fmt.Println(err)
		case event.Event == api.EventAccount && event.Status.State == api.StateLoginRequired:
			fmt.Println(event.Account, "needs a login")
		case event.Event == api.EventToken:
			fmt.Println(event.Account, "has a new token until", event.ExpiresAt)
		}
	}
}
