package config

import (
	"errors"
	"fmt"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// readClientSecrets takes a's client from the client_secrets file at path, and returns what was read.
func (s *source) readClientSecrets(path string, a *account.Account) snapshot {
	wrong := func(format string, args ...any) {
		s.add(s.line("", "client_secrets"), "client_secrets %s%s", api.Excerpt(path), fmt.Sprintf(format, args...))
	}
	text, read, err := readFile(path)
	if err != nil {
		wrong(" %s", reason(path, err))
		return read
	}
	secrets, err := provider.ParseClientSecrets(text)
	switch {
	case err != nil:
		wrong(": %v", err)
	case a.ClientID != "" && a.ClientID != secrets.ClientID:
		wrong(" belongs to another client than client_id")
	default:
		if err := ApplyClientSecrets(a, secrets); err != nil {
			wrong(": %v", err)
		}
	}
	return read
}

// ApplyClientSecrets sets a's client from a client_secrets file, and its provider too if a names none. A web client brings
// its registered loopback redirect URI, unless a has one.
func ApplyClientSecrets(a *account.Account, secrets provider.ClientSecrets) error {
	p, err := secrets.Provider()
	switch {
	case a.Provider == "" && a.Issuer == "" && a.Endpoints.Token == "":
		if err != nil {
			return err
		}
		if _, builtIn := provider.Lookup(p.Name); builtIn {
			a.Provider = p.Name
		} else {
			a.Endpoints = p.Endpoints
		}
	case err == nil && a.Provider != "" && a.Provider != p.Name:
		if _, builtIn := provider.Lookup(p.Name); builtIn {
			return fmt.Errorf("the file is a client of %s, the account's provider is %s", p.Name, a.Provider)
		}
	}
	a.ClientID, a.ClientSecret = secrets.ClientID, secrets.ClientSecret
	if secrets.Kind == "web" && a.RedirectURI == "" {
		usable := secrets.LoopbackRedirects()
		if len(usable) == 0 {
			return errors.New("this web client has no loopback redirect URI registered; add http://127.0.0.1:PORT/callback at the provider, or make a desktop client")
		}
		a.RedirectURI = usable[0]
	}
	return nil
}
