package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"oauthd/daemon/oauthtest"

	"github.com/rogpeppe/go-internal/testscript"
	xoauth2 "golang.org/x/oauth2"
)

// cmdForeign writes a sample of testdata/foreign as another tool would have saved it, with this provider's ports and the
// tokens of a login of its own in it. -client is whose login that is; the usual one is post.
//
//	foreign [-client ID] SAMPLE FILE
func cmdForeign(ts *testscript.TestScript, neg bool, args []string) {
	id := "post"
	if len(args) == 4 && args[0] == "-client" {
		id, args = args[1], args[2:]
	}
	if neg || len(args) != 2 {
		ts.Fatalf("usage: foreign [-client ID] SAMPLE FILE")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "testdata", "foreign", args[0]))
	ts.Check(err)
	tok := otherLogin(ts, id)
	filled := os.Expand(string(text), func(name string) string {
		switch name {
		case "REFRESH":
			return tok.RefreshToken
		case "ACCESS":
			return tok.AccessToken
		}
		return ts.Getenv(name)
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(filled), 0o600))
}

// otherLogin is what another tool does: it logs in at the script's provider without oauthd.
func otherLogin(ts *testscript.TestScript, id string) *xoauth2.Token {
	issuer := worldOf(ts).provider(ts).Issuer()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	verifier := xoauth2.GenerateVerifier()
	c := xoauth2.Config{
		ClientID: id, RedirectURL: "http://127.0.0.1/callback", Scopes: []string{"openid", "email", "offline_access", "calendar.read"},
		Endpoint: xoauth2.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/token", AuthStyle: xoauth2.AuthStyleInParams},
	}
	switch id {
	case "basic":
		c.Endpoint.AuthStyle = xoauth2.AuthStyleInHeader
		fallthrough
	case "post":
		c.ClientSecret = ts.Getenv("SECRET")
	}
	start := c.AuthCodeURL("state", xoauth2.S256ChallengeOption(verifier))
	browser := &stranded{provider: strings.TrimPrefix(worldOf(ts).provider(ts).URL, "http://")}
	if _, err := oauthtest.Follow(ctx, &http.Client{Transport: browser}, start, oauthtest.Allow); err != nil {
		ts.Fatalf("the other tool's login: %v", err)
	}
	request, err := http.NewRequest(http.MethodGet, browser.at, nil)
	ts.Check(err)
	tok, err := c.Exchange(ctx, request.URL.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil { // its text may quote what was sent
		ts.Fatalf("the other tool's code was not exchanged")
	}
	return tok
}
