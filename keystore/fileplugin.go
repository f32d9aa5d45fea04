package keystore

import (
	"errors"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// pluginIdentity is an identity that a program of its own, age-plugin-NAME on PATH, uses for us. What the program says
// went wrong is not passed on: nobody knows what it quotes.
type pluginIdentity struct {
	*plugin.Identity
	// wanted is set when the program asked for a PIN, or for a person, that is not there.
	wanted *bool
}

// parsePlugin reads an identity of a plugin, which is given pin when it asks for a secret. Nobody is there to answer
// anything else.
func parsePlugin(line, pin string) (pluginIdentity, error) {
	wanted := new(bool)
	i, err := plugin.NewIdentity(line, &plugin.ClientUI{
		DisplayMessage: func(string, string) error { return nil },
		RequestValue: func(_, _ string, secret bool) (string, error) {
			if !secret || pin == "" {
				*wanted = true
				return "", ErrNoPassphrase
			}
			return pin, nil
		},
		Confirm: func(string, string, string, string) (bool, error) {
			*wanted = true
			return false, ErrNoPassphrase
		},
	})
	return pluginIdentity{i, wanted}, err
}

// Unwrap implements [age.Identity].
func (p pluginIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	*p.wanted = false
	key, err := p.Identity.Unwrap(stanzas)
	switch {
	case err == nil || errors.Is(err, age.ErrIncorrectIdentity):
		return key, err
	case *p.wanted:
		return nil, ErrNoPassphrase
	}
	return nil, errPlugin
}
