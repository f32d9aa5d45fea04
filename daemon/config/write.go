package config

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"oauthd/daemon/account"
	"oauthd/ipc/own"

	"github.com/pelletier/go-toml/v2"
)

// header marks a file as the daemon's own. A file without it is a person's and is never rewritten.
const header = "# Written by oauthd, and rewritten whole at every login; without this line the file is yours and stays as it is.\n"

// Encode returns the text of a's file without the header.
func Encode(a account.Account) ([]byte, error) {
	text, err := toml.Marshal(accountKeys{
		Provider:      a.Provider,
		Tenant:        a.Tenant,
		Issuer:        a.Issuer,
		ClientID:      a.ClientID,
		Endpoints:     a.Endpoints,
		Scopes:        a.Scopes,
		Grant:         string(a.Grant),
		RedirectURI:   a.RedirectURI,
		RedirectPorts: a.RedirectPorts,
		Resource:      a.Resource,
		DPoP:          a.DPoP,
		TokenExchange: a.TokenExchange,
		Via:           a.Via,
		AuthParams:    a.AuthParams,
		KeyFile:       a.KeyFile,
		KeyID:         a.KeyID,
		Subject:       a.Subject,
		Audience:      a.Audience,
		Sources:       a.CredentialSources,
		Hosts:         a.Hosts,
		Confirm:       string(a.Policy.Confirm),
		Metadata:      a.ClientIDMetadata,
	})
	if err != nil {
		return nil, fmt.Errorf("config: encode %s: %w", a.Name, err)
	}
	rules, err := encodeRules(a.Policy.Rules)
	if err != nil {
		return nil, fmt.Errorf("config: encode %s: %w", a.Name, err)
	}
	sockets, err := encodeSockets(a.Sockets)
	if err != nil {
		return nil, fmt.Errorf("config: encode %s: %w", a.Name, err)
	}
	return slices.Concat(text, rules, sockets), nil
}

// writeAccount writes a's file in dir and returns its path. The caller must have made sure that an existing file is not a
// person's.
func writeAccount(dir string, a account.Account) (string, error) {
	text, err := Encode(a)
	if err != nil {
		return "", err
	}
	file := AccountFile(dir, a.Name)
	accounts, err := own.Make(filepath.Dir(file))
	if err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	defer accounts.Close()
	if err := accounts.Replace(filepath.Base(file), append([]byte(header), text...)); err != nil {
		return "", fmt.Errorf("config: write %s: %w", file, err)
	}
	return file, nil
}

// removeAccount removes an account's file; a missing one is no error.
func removeAccount(dir, name string) error {
	file := AccountFile(dir, name)
	accounts, err := own.Open(filepath.Dir(file))
	if err == nil {
		defer accounts.Close()
		err = accounts.Remove(filepath.Base(file))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}
