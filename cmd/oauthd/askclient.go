package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"oauthd/cmd/oauthd/ask"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
)

const googleClient = ".apps.googleusercontent.com"

// askClient asks for the client, which a discovered issuer may register by itself.
func (w *wizard) askClient() error {
	if len(w.p.RegistrationSteps) > 0 {
		screen.Say(w.std.err, "\nThe provider wants to know which program asks. To register oauthd there:\n\n")
		printSteps(w.std.err, w.p.RegistrationSteps)
		fmt.Fprintln(w.std.err)
	}
	if w.p.Name == "google" {
		return w.askGoogleClient()
	}
	q := ask.Question{
		Text: "Client id, as registered at the provider", Check: required("register a native (desktop) client at the provider first"),
		Explain: "Providers want to know which program asks. Register one there, as a native or desktop application, and " +
			"copy its client id (or application id) to here. oauthd providers NAME shows what to register.",
	}
	if w.def.Issuer != "" {
		q.Text, q.Check = "Client id, or nothing to have one registered", nil
		q.Explain = "The client that was registered for you at the issuer. Many issuers register one by themselves (RFC 7591) " +
			"if you leave this empty."
	}
	id, err := w.Ask(q)
	if err != nil {
		return err
	}
	if id == "" {
		w.row("client", "one that the issuer registers")
		return nil
	}
	return w.askSecretOf(id)
}

func (w *wizard) askGoogleClient() error {
	file, err := w.Ask(ask.Question{
		Text: "Path of the client_secrets.json, or a client id", Suggested: "client_secret.json", Files: true,
		Explain: "Google wants to know which program asks. At https://console.cloud.google.com/apis/credentials create an " +
			"OAuth client ID of type Desktop app, download its JSON, and give its path here.",
		Check: func(s string) error {
			if strings.HasSuffix(s, googleClient) {
				return nil
			}
			return checkClientSecrets(s)
		},
	})
	if err != nil {
		return err
	}
	if strings.HasSuffix(file, googleClient) {
		return w.askSecretOf(file)
	}
	w.def.Provider = ""
	w.command = w.command[:len(w.command)-2]
	w.says("--client-secrets", file)
	w.row("client", file)
	w.def.ClientSecrets, err = clientSecretsFile.read(file, nil)
	return err
}

// askSecretOf asks for the secret of a client that was registered by hand.
func (w *wizard) askSecretOf(id string) error {
	w.def.ClientID = id
	w.says("--client-id", id)
	text := "Client secret, if the client has one (it does not show)"
	if w.p.ClientSecretRequired {
		text = "Client secret (it does not show)"
	}
	const explain = "What the provider showed beside the client id. A native or desktop client often has none: then press Enter.\n " +
		"It goes into the store, never into a file."
	secret, err := w.Secret(text, explain)
	for err == nil && secret == "" && w.p.ClientSecretRequired {
		w.Complain(errors.New(w.p.Title + " gives no token to a client without one"))
		secret, err = w.Secret(text, explain)
	}
	if err != nil {
		return err
	}
	if secret == "" {
		w.row("client", id)
		return nil
	}
	w.row("client", id+", with its secret")
	w.def.ClientSecret = secret
	w.command = append(w.command, "--client-secret-stdin")
	return nil
}

// checkClientSecrets refuses another kind of file; the daemon reads it closely.
func checkClientSecrets(file string) error {
	if file == "-" {
		return errors.New("that is standard input, where the questions are answered; give a path")
	}
	text, err := clientSecretsFile.read(file, nil)
	if err != nil {
		return err
	}
	var kinds struct{ Installed, Web json.RawMessage }
	err = json.Unmarshal([]byte(strings.TrimPrefix(string(text), "\ufeff")), &kinds)
	if err != nil || kinds.Installed == nil && kinds.Web == nil {
		return badRequest(api.Excerpt(file)+" is no client_secrets file", "download the JSON of a client of type desktop app at the provider")
	}
	return nil
}
