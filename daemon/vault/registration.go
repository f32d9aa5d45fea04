package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"oauthd/daemon/account"
	"oauthd/keystore"
)

// registration is a client that an issuer registered, as it is stored.
type registration struct {
	header
	Issuer       string     `json:"iss"`
	ClientID     string     `json:"client_id"`
	RedirectURIs []string   `json:"redirect_uris"`
	AuthMethod   string     `json:"auth_method,omitempty"`
	ClientSecret string     `json:"client_secret,omitempty"`
	SecretExpiry *time.Time `json:"secret_expiry,omitempty"`
	AccessToken  string     `json:"registration_access_token,omitempty"`
	ClientURI    string     `json:"registration_client_uri,omitempty"`

	DPoPBound bool `json:"dpop_bound_access_tokens,omitempty"`

	RefusedMetadata string `json:"refused_client_id_metadata,omitempty"`
}

// RegistrationName returns the name under which the client that issuer registered is stored. It cannot be an account's
// name, which starts with a letter or digit.
func RegistrationName(issuer string) string {
	sum := sha256.Sum256([]byte(issuer))
	return ".registration." + hex.EncodeToString(sum[:16])
}

// Registration returns the client that issuer registered; ok is false if none is stored, or if what is stored cannot
// be read or belongs elsewhere. Then the next one replaces it.
func (v *Vault) Registration(ctx context.Context, issuer string) (r account.Registration, ok bool, err error) {
	name := RegistrationName(issuer)
	data, err := v.store.Get(ctx, name)
	if errors.Is(err, keystore.ErrNotFound) || errors.Is(err, keystore.ErrDamaged) {
		return r, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("vault: read the registration at %s: %w", issuer, err)
	}
	defer clear(data)
	var rest registration
	if json.Unmarshal(data, &rest) != nil || rest.check(name) != nil || rest.Issuer != issuer || rest.ClientID == "" {
		return r, false, nil
	}
	if rest.Name == "" {
		v.wantName(name)
	}
	r = account.Registration{
		Issuer:       rest.Issuer,
		ClientID:     rest.ClientID,
		RedirectURIs: rest.RedirectURIs,
		AuthMethod:   rest.AuthMethod,
		ClientSecret: account.NewSecret(rest.ClientSecret),
		AccessToken:  account.NewSecret(rest.AccessToken),
		ClientURI:    rest.ClientURI,
		DPoPBound:    rest.DPoPBound,

		RefusedMetadata: rest.RefusedMetadata,
	}
	if rest.SecretExpiry != nil {
		r.SecretExpiry = *rest.SecretExpiry
	}
	return r, true, nil
}

// SaveRegistration stores r under its issuer, in place of an earlier one.
func (v *Vault) SaveRegistration(ctx context.Context, r account.Registration) error {
	name := RegistrationName(r.Issuer)
	rest := registration{
		header:       header{Version: recordVersion, Name: name},
		Issuer:       r.Issuer,
		ClientID:     r.ClientID,
		RedirectURIs: r.RedirectURIs,
		AuthMethod:   r.AuthMethod,
		ClientSecret: r.ClientSecret.Reveal(),
		AccessToken:  r.AccessToken.Reveal(),
		ClientURI:    r.ClientURI,
		DPoPBound:    r.DPoPBound,

		RefusedMetadata: r.RefusedMetadata,
	}
	if !r.SecretExpiry.IsZero() {
		rest.SecretExpiry = &r.SecretExpiry
	}
	unlock, err := v.Lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	data, err := json.Marshal(rest)
	defer clear(data)
	if err == nil {
		err = v.store.Put(ctx, name, data)
	}
	if err != nil {
		return fmt.Errorf("vault: save the registration at %s: %w", r.Issuer, err)
	}
	return nil
}

// DeleteRegistration forgets the client that issuer registered.
func (v *Vault) DeleteRegistration(ctx context.Context, issuer string) error {
	unlock, err := v.Lock(ctx, RegistrationName(issuer))
	if err != nil {
		return err
	}
	defer unlock()
	if err := v.store.Delete(ctx, RegistrationName(issuer)); err != nil {
		return fmt.Errorf("vault: delete the registration at %s: %w", issuer, err)
	}
	return nil
}
