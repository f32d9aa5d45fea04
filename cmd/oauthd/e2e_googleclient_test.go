package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"cloud.google.com/go/compute/metadata"
	xoauth2 "golang.org/x/oauth2"
	xgoogle "golang.org/x/oauth2/google"
)

// seenTokens is how many different tokens a client of the tests goes through, each of which ends after a few seconds.
const seenTokens = 3

// useGoogleLibraries is a program that knows nothing of oauthd: google-client URL uses Google's own packages for Go.
func useGoogleLibraries() {
	if err := useGoogle(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "google-client:", err)
		os.Exit(1)
	}
}

func useGoogle(ctx context.Context, url string) error {
	if !metadata.OnGCE() {
		return errors.New("not on Google's machines")
	}
	email, err := metadata.EmailWithContext(ctx, "default")
	if err != nil {
		return err
	}
	number, err := metadata.NumericProjectIDWithContext(ctx)
	if err != nil {
		return err
	}
	_, zone := metadata.ZoneWithContext(ctx)
	if !errors.As(zone, new(metadata.NotDefinedError)) {
		return fmt.Errorf("zone: got %w, want it not to be defined", zone)
	}
	found, err := xgoogle.FindDefaultCredentials(ctx, "openid")
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	pace := time.Tick(100 * time.Millisecond) // a token lives for seconds, and the server knows no limit
	for len(seen) < seenTokens {
		t, err := found.TokenSource.Token()
		if err != nil {
			return err
		}
		seen[t.AccessToken] = true
		resp, err := xoauth2.NewClient(ctx, xoauth2.StaticTokenSource(t)).Get(url)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("the resource answered %s", resp.Status)
		}
		<-pace
	}
	fmt.Println(found.ProjectID, email, number, len(seen))
	return nil
}
