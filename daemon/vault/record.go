package vault

import (
	"encoding/json"
	"fmt"
	"time"

	"oauthd/daemon/account"
)

// recordVersion is the only version this code reads and writes.
const recordVersion = 1

// record is a credential at rest: what must be kept and no more, because keychains are small.
type record struct {
	Version       int        `json:"v"`
	Generation    uint64     `json:"gen"`
	Issuer        string     `json:"iss,omitempty"`
	TokenEndpoint string     `json:"token_endpoint"`
	Revocation    string     `json:"revocation_endpoint,omitempty"`
	ClientID      string     `json:"client_id"`
	AuthMethod    string     `json:"auth_method,omitempty"`
	ClientSecret  string     `json:"client_secret,omitempty"`
	Key           string     `json:"key,omitempty"`
	RedirectURI   string     `json:"redirect_uri,omitempty"`
	RefreshToken  string     `json:"refresh_token,omitempty"`
	AccessToken   string     `json:"access_token,omitempty"`
	TokenType     string     `json:"token_type,omitempty"`
	Expiry        *time.Time `json:"expiry,omitempty"`
	Scopes        []string   `json:"scopes,omitempty"`
	Subject       string     `json:"sub,omitempty"`
	Email         string     `json:"email,omitempty"`
	LoggedInAt    time.Time  `json:"logged_in_at"`
	UsedAt        *time.Time `json:"used_at,omitempty"`
	RefreshExpiry *time.Time `json:"refresh_expires_at,omitempty"`
	Dead          bool       `json:"dead,omitempty"`
}

func encode(c account.Credential) ([]byte, error) {
	r := record{
		Version:       recordVersion,
		Generation:    c.Generation,
		Issuer:        c.Issuer,
		TokenEndpoint: c.TokenEndpoint,
		Revocation:    c.RevocationEndpoint,
		ClientID:      c.ClientID,
		AuthMethod:    c.AuthMethod,
		ClientSecret:  c.ClientSecret.Reveal(),
		Key:           c.Key.Reveal(),
		RedirectURI:   c.RedirectURI,
		RefreshToken:  c.RefreshToken.Reveal(),
		Scopes:        c.Scopes,
		Subject:       c.Subject,
		Email:         c.Email,
		LoggedInAt:    c.LoggedInAt,
		UsedAt:        known(c.UsedAt),
		RefreshExpiry: known(c.RefreshExpiry),
		Dead:          c.Dead,
	}
	if c.RefreshToken.IsZero() {
		r.AccessToken, r.TokenType = c.AccessToken.Reveal(), c.TokenType
		r.Expiry = known(c.Expiry)
	}
	return json.Marshal(r)
}

// decode never quotes data: it is a secret.
func decode(data []byte) (account.Credential, error) {
	var r record
	if json.Unmarshal(data, &r) != nil {
		return account.Credential{}, fmt.Errorf("%w: not JSON", ErrUnreadable)
	}
	if r.Version != recordVersion {
		return account.Credential{}, fmt.Errorf("%w: written by another version of oauthd", ErrUnreadable)
	}
	c := account.Credential{
		Generation:         r.Generation,
		Issuer:             r.Issuer,
		TokenEndpoint:      r.TokenEndpoint,
		RevocationEndpoint: r.Revocation,
		ClientID:           r.ClientID,
		AuthMethod:         r.AuthMethod,
		ClientSecret:       account.NewSecret(r.ClientSecret),
		Key:                account.NewSecret(r.Key),
		RedirectURI:        r.RedirectURI,
		RefreshToken:       account.NewSecret(r.RefreshToken),
		AccessToken:        account.NewSecret(r.AccessToken),
		TokenType:          r.TokenType,
		Scopes:             r.Scopes,
		Subject:            r.Subject,
		Email:              r.Email,
		LoggedInAt:         r.LoggedInAt,
		Dead:               r.Dead,
	}
	for _, at := range []struct{ from, to *time.Time }{
		{r.Expiry, &c.Expiry}, {r.UsedAt, &c.UsedAt}, {r.RefreshExpiry, &c.RefreshExpiry},
	} {
		if at.from != nil {
			*at.to = *at.from
		}
	}
	return c, nil
}

// Newer reports whether both are credentials as the store holds them, and a is of a later login than b, or of the same
// one and saved later. It is false where that cannot be told.
func Newer(a, b []byte) bool {
	newer, errA := decode(a)
	older, errB := decode(b)
	if errA != nil || errB != nil {
		return false
	}
	if !newer.LoggedInAt.Equal(older.LoggedInAt) {
		return newer.LoggedInAt.After(older.LoggedInAt)
	}
	return newer.Generation > older.Generation
}

// known leaves a time that is not known out of the record.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
