package mint

import (
	"context"
	"sync"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
)

// bind returns the stored credential of a with a key that tokens can be bound to (RFC 9449), if a wants that and its login
// came before. The key is saved before anything is bound to it: a refresh token that is bound to a lost key is lost too.
//
// There is no way back but a login: a refresh token that is bound goes on needing proofs, whatever the account's file says.
func (m *Minter) bind(ctx context.Context, a account.Account, c account.Credential) (account.Credential, error) {
	if !a.DPoP || !c.ProofKey.IsZero() || a.Grant.Interactive() && c.RefreshToken.IsZero() {
		return c, nil
	}
	key, err := grant.NewProofKey()
	if err != nil {
		return c, err
	}
	c.ProofKey = key.Text()
	if err := m.vault.Save(ctx, a.Name, c); err != nil {
		return c, m.store.Problem(err)
	}
	if c, err = m.vault.Load(ctx, a.Name); err != nil {
		return c, m.store.Problem(err)
	}
	m.log.Info().Str("account", a.Name).Msg("made a key that tokens are bound to")
	return c, nil
}

// keys are the keys of accounts of which nothing is stored, by name. Such tokens end with the daemon, and so may their keys.
// The zero keys are ready.
type keys struct {
	mu     sync.Mutex // guards byName
	byName map[string]account.Secret
}

// of returns the key of an account, which is made when it is first asked for.
func (k *keys) of(name string) (account.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.byName[name]; ok {
		return key, nil
	}
	key, err := grant.NewProofKey()
	if err != nil {
		return account.Secret{}, err
	}
	if k.byName == nil {
		k.byName = map[string]account.Secret{}
	}
	k.byName[name] = key.Text()
	return k.byName[name], nil
}
