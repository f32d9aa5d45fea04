package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"oauthd/daemon/oauthtest"

	xoauth2 "golang.org/x/oauth2"
)

// robots makes the service account, whose key is in robot.json.
func (w *leakWorld) robots() []oauthtest.ServiceAccount {
	key, err := robotKey()
	if err != nil {
		w.t.Fatal(err)
	}
	w.add("a private key", string(key.D.Bytes()), false)
	return []oauthtest.ServiceAccount{{
		Email: robotEmail, Keys: []oauthtest.Key{{ID: "r1", Public: key.Public()}}, Scopes: []string{"storage.read"},
	}}
}

// imports take in what other tools have saved: with success, refused with a quote, and files that are damaged.
func (w *leakWorld) imports(reply *hostileReply) {
	key, err := robotKey()
	if err != nil {
		w.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	for _, line := range strings.Split(text, "\n")[2:20] {
		w.add("a private key", line, false)
	}
	robot := map[string]any{
		"type": "service_account", "private_key_id": "r1", "private_key": text, "client_email": robotEmail,
		"client_id": "1", "token_uri": w.issuer() + "/token",
	}
	refresh := w.newCanary("an imported refresh token", "rt-")
	saved := map[string]any{
		"token": "at-of-another-tool", "refresh_token": w.otherLogin("imported"), "token_uri": w.issuer() + "/token",
		"client_id": "imported", "client_secret": w.file("secret"), "scopes": []string{"openid", "email"},
	}
	write := func(file string, members map[string]any, changes ...any) string {
		members = cloneWith(members, changes...)
		text, err := json.Marshal(members)
		if err != nil {
			w.t.Fatal(err)
		}
		w.write(filepath.Join(w.outside, file), string(text))
		return string(text)
	}
	whole := write("token.json", saved)
	write("robot.json", robot)
	for file, changes := range map[string][]any{
		"unknown.json": {"refresh_token", refresh}, "list.json": {"refresh_token", []string{refresh}},
		"elsewhere.json": {"token_uri", "https://tokens.invalid/" + refresh},
	} {
		write(file, saved, changes...)
	}
	write("badkey.json", robot, "private_key", text[:len(text)/2])
	write("badkeys.json", robot, "private_key", []string{text})
	w.write(filepath.Join(w.outside, "half.json"), whole[:len(whole)-2])
	w.write(filepath.Join(w.outside, "name.json"), `{"`+refresh[:30]+`": `+whole+`}`)
	w.write(filepath.Join(w.outside, "bare.txt"), "refresh_token="+refresh+"\n"+refresh+"\n")
	files, err := filepath.Glob(filepath.Join(w.outside, "*.*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "token.json" || name == "robot.json" {
			continue
		}
		if r := w.run("", "import", name, "--as", "broken", "--scope", "storage.read"); r.exit == 0 {
			w.t.Errorf("import %s: got exit 0", name)
		}
		w.run("", "login", "broken", "--client-secrets", name, "--no-browser", "--timeout", "1ms")
		w.run("", "login", "broken", "--grant", "service_account", "--key-file", name, "--scope", "storage.read")
	}
	w.become("imported", reply)
	if r := w.run("", "import", "token.json", "--as", "imported"); r.exit == 0 {
		w.t.Error("a refused import: got exit 0")
	}
	w.become("imported", nil)
	w.begin("", "import", "token.json", "--as", "imported").want(0, "imported")
	w.become("", reply)
	if r := w.run("", "import", "robot.json", "--scope", "storage.read"); r.exit == 0 {
		w.t.Error("a refused key: got exit 0")
	}
	w.become("", nil)
	w.begin("", "import", "robot.json", "--scope", "storage.read").want(0, "imported")
	w.begin("", "token", "robot", "--force").want(0, "at-")
}

// cloneWith is members with other values for some names.
func cloneWith(members map[string]any, changes ...any) map[string]any {
	changed := maps.Clone(members)
	for i := 0; i < len(changes); i += 2 {
		changed[changes[i].(string)] = changes[i+1]
	}
	return changed
}

// otherLogin is what another tool does: it logs in without oauthd. It returns the refresh token.
func (w *leakWorld) otherLogin(id string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	verifier := xoauth2.GenerateVerifier()
	c := xoauth2.Config{
		ClientID: id, ClientSecret: w.file("secret"), RedirectURL: "http://127.0.0.1/callback", Scopes: []string{"openid", "email"},
		Endpoint: xoauth2.Endpoint{AuthURL: w.issuer() + "/authorize", TokenURL: w.issuer() + "/token", AuthStyle: xoauth2.AuthStyleInParams},
	}
	browser := &stranded{provider: strings.TrimPrefix(w.provider.URL, "http://")}
	start := c.AuthCodeURL("state", xoauth2.S256ChallengeOption(verifier))
	if _, err := oauthtest.Follow(ctx, &http.Client{Transport: browser}, start, oauthtest.Allow); err != nil {
		w.t.Fatal(err)
	}
	answer, err := url.Parse(browser.at)
	if err != nil {
		w.t.Fatal("the other tool got an answer that is no URL")
	}
	tok, err := c.Exchange(ctx, answer.Query().Get("code"), xoauth2.VerifierOption(verifier))
	if err != nil { // its text may quote what was sent
		w.t.Fatal("the other tool's code was not exchanged")
	}
	return tok.RefreshToken
}
