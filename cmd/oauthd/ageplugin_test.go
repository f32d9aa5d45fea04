package main

import (
	"errors"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

// pinPlugin is a plugin of age like a security key's: its identity is a key and the PIN that it asks for.
const pinPlugin = "oauthdpin"

func agePlugin() int {
	p, err := plugin.New(pinPlugin)
	if err != nil {
		return 1
	}
	p.HandleIdentityAsRecipient(func(data []byte) (age.Recipient, error) {
		text, _, _ := strings.Cut(string(data), " ")
		key, err := age.ParseX25519Identity(text)
		if err != nil {
			return nil, err
		}
		return key.Recipient(), nil
	})
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		text, pin, _ := strings.Cut(string(data), " ")
		key, err := age.ParseX25519Identity(text)
		return guardedKey{p, key, pin}, err
	})
	return p.Main()
}

// guardedKey is a key that a PIN opens.
type guardedKey struct {
	plugin *plugin.Plugin
	key    *age.X25519Identity
	pin    string
}

func (g guardedKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if pin, err := g.plugin.RequestValue("PIN:", true); err != nil || pin != g.pin {
		return nil, errors.Join(err, errors.New("wrong PIN"))
	}
	return g.key.Unwrap(stanzas)
}
