package mint

import (
	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Given is what came with an account's definition and goes to the store alone.
type Given struct{ Secret, Key account.Secret }

// Pin settles how a's client authenticates at p: with what came with the login, else what its files say, else what is
// kept of the same client. key is what is to be kept of a private key.
func Pin(
	a account.Account, p provider.Provider, with Given, before account.Credential,
) (auth grant.ClientAuth, key account.Secret, err error) {
	secret, key := with.Secret, with.Key
	if secret.IsZero() && key.IsZero() {
		secret = a.ClientSecret
		same := before.ClientID == a.ClientID && before.TokenEndpoint == p.Endpoints.Token && before.Issuer == p.Issuer
		if secret.IsZero() && a.KeyFile == "" && same {
			secret, key = before.ClientSecret, before.Key
		}
	}
	hasKey := !key.IsZero() || a.KeyFile != "" && with.Secret.IsZero()
	auth = grant.ClientAuth{ID: a.ClientID, AssertionAudience: assertionAudience(a, p.Issuer, p.Endpoints.Token), BasicUnencoded: p.BasicUnencoded}
	if auth.Method, err = p.PinAuthMethod(!secret.IsZero(), hasKey, a.Endpoints.AuthMethod); err != nil {
		return auth, key, &api.Error{Code: api.ConfigInvalid, Message: api.Excerpt(err.Error()),
			Hint: "--client-secrets FILE or --client-secret-stdin gives the client secret, --key-file FILE the private key"}
	}
	switch {
	case auth.Method == provider.AuthPrivateKeyJWT:
		auth.Key, err = clientKey(a, key)
		return auth, key, err
	case a.Grant == account.GrantClientCredentials && secret.IsZero():
		return auth, account.Secret{}, words.NoMachineSecret()
	}
	auth.Secret = secret
	return auth, account.Secret{}, nil
}

// assertionAudience is whom a's client names in its assertions. The authorization servers of resources know their issuer alone
// as that (MCP, extension "OAuth client credentials"); others were made when it was the token endpoint (RFC 7523 §3).
func assertionAudience(a account.Account, issuer, tokenEndpoint string) string {
	if a.Resource != "" && a.Provider == "" && issuer != "" {
		return issuer
	}
	return tokenEndpoint
}

// ProofKey returns what the tokens of a are to be bound to after a login at p (RFC 9449): the key of what was stored before
// of the same provider, else a new one; zero if a wants bearer tokens.
func ProofKey(a account.Account, p provider.Provider, before account.Credential) (grant.ProofKey, error) {
	if !a.DPoP {
		return grant.ProofKey{}, nil
	}
	if before.TokenEndpoint == p.Endpoints.Token && before.Issuer == p.Issuer && !before.ProofKey.IsZero() {
		return grant.ParseProofKey(before.ProofKey)
	}
	return grant.NewProofKey()
}

// clientAuth is how the client of c authenticates at p, as it did at the login.
func clientAuth(a account.Account, c account.Credential, p provider.Provider) (grant.ClientAuth, error) {
	auth := grant.ClientAuth{
		ID: c.ClientID, Secret: c.ClientSecret, Method: provider.AuthMethod(c.AuthMethod), BasicUnencoded: p.BasicUnencoded,
		AssertionAudience: assertionAudience(a, c.Issuer, c.TokenEndpoint),
	}
	var err error
	if auth.ProofKey, err = grant.ParseProofKey(c.ProofKey); err != nil {
		return auth, words.DamagedProofKey(a.Name, err)
	}
	if auth.Method == provider.AuthPrivateKeyJWT {
		auth.Key, err = clientKey(a, c.Key)
	}
	return auth, err
}

// clientKey reads the private key of a's client: the kept one, else that of its file.
func clientKey(a account.Account, kept account.Secret) (grant.ClientKey, error) {
	text, err := keyText(a, kept)
	if err != nil {
		return grant.ClientKey{}, err
	}
	key, err := grant.ParseClientKey([]byte(text.Reveal()), a.KeyID)
	if err != nil {
		return key, words.Key(a, err)
	}
	return key, nil
}

// keyText returns the text of a's private key: the kept one, else its file, which is read each time.
func keyText(a account.Account, kept account.Secret) (account.Secret, error) {
	if !kept.IsZero() {
		return kept, nil
	}
	if a.KeyFile == "" {
		return kept, words.NoPrivateKey(a.Name)
	}
	text, err := grant.ReadKeyFile(a.KeyFile)
	if err != nil {
		return kept, words.Key(a, err)
	}
	return account.NewSecret(string(text)), nil
}
