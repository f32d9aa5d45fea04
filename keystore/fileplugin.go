package keystore

import (
	"errors"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// pluginIdentity is an identity that another program, age-plugin-NAME on PATH, uses for us. What the program says went
// wrong is not passed on: it may quote anything.
type pluginIdentity struct {
	*plugin.Identity
	// wanted is set if the program asked for a PIN or for a person, and there is none.
	wanted *bool
}

// parsePlugin reads an identity of a plugin, which gets pin if it asks for a secret. There is nobody to answer anything
// else.
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
	key, err := p.Identity.Unwrap(stanzas)
	switch {
	case err == nil || errors.Is(err, age.ErrIncorrectIdentity):
		return key, err
	case *p.wanted:
		return nil, ErrNoPassphrase
	}
	return nil, errPlugin
}
