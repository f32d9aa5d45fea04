package vault

import (
	"encoding/json"
	"fmt"
	"time"

	"oauthd/daemon/account"
)

// record is a credential as it is stored: what must be stored and no more, because keychains are small.
type record struct {
	header
	Generation    uint64     `json:"gen"`
	Issuer        string     `json:"iss,omitempty"`
	TokenEndpoint string     `json:"token_endpoint"`
	Revocation    string     `json:"revocation_endpoint,omitempty"`
	ClientID      string     `json:"client_id"`
	AuthMethod    string     `json:"auth_method,omitempty"`
	ClientSecret  string     `json:"client_secret,omitempty"`
	Key           string     `json:"key,omitempty"`
	ProofKey      string     `json:"proof_key,omitempty"`
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
	LoginScopes   []string   `json:"login_scopes,omitempty"`
	SendScope     bool       `json:"send_scope,omitempty"`
	Dead          bool       `json:"dead,omitempty"`
	EndedAt       *time.Time `json:"ended_at,omitempty"`
	Lasted        []int64    `json:"lasted,omitempty"` // seconds
}

func encode(name string, c account.Credential) ([]byte, error) {
	r := record{
		header:        header{Version: recordVersion, Name: name},
		Generation:    c.Generation,
		Issuer:        c.Issuer,
		TokenEndpoint: c.TokenEndpoint,
		Revocation:    c.RevocationEndpoint,
		ClientID:      c.ClientID,
		AuthMethod:    c.AuthMethod,
		ClientSecret:  c.ClientSecret.Reveal(),
		Key:           c.Key.Reveal(),
		ProofKey:      c.ProofKey.Reveal(),
		RedirectURI:   c.RedirectURI,
		RefreshToken:  c.RefreshToken.Reveal(),
		Scopes:        c.Scopes,
		Subject:       c.Subject,
		Email:         c.Email,
		LoggedInAt:    c.LoggedInAt,
		UsedAt:        known(c.UsedAt),
		RefreshExpiry: known(c.RefreshExpiry),
		LoginScopes:   c.LoginScopes,
		SendScope:     c.SendScope,
		Dead:          c.Dead,
		EndedAt:       known(c.EndedAt),
	}
	for _, d := range c.Lasted {
		r.Lasted = append(r.Lasted, int64(d/time.Second))
	}
	if c.RefreshToken.IsZero() {
		r.AccessToken, r.TokenType = c.AccessToken.Reveal(), c.TokenType
		r.Expiry = known(c.Expiry)
	}
	return json.Marshal(r)
}

// decode returns the credential in data, which is stored under name; named is false if data does not say so. Errors
// never quote data: it is a secret.
func decode(name string, data []byte) (c account.Credential, named bool, err error) {
	var r record
	if json.Unmarshal(data, &r) != nil {
		return c, false, fmt.Errorf("%w: not JSON", ErrUnreadable)
	}
	if err := r.check(name); err != nil {
		return c, false, err
	}
	c = account.Credential{
		Generation:         r.Generation,
		Issuer:             r.Issuer,
		TokenEndpoint:      r.TokenEndpoint,
		RevocationEndpoint: r.Revocation,
		ClientID:           r.ClientID,
		AuthMethod:         r.AuthMethod,
		ClientSecret:       account.NewSecret(r.ClientSecret),
		Key:                account.NewSecret(r.Key),
		ProofKey:           account.NewSecret(r.ProofKey),
		RedirectURI:        r.RedirectURI,
		RefreshToken:       account.NewSecret(r.RefreshToken),
		AccessToken:        account.NewSecret(r.AccessToken),
		TokenType:          r.TokenType,
		Scopes:             r.Scopes,
		Subject:            r.Subject,
		Email:              r.Email,
		LoggedInAt:         r.LoggedInAt,
		LoginScopes:        r.LoginScopes,
		SendScope:          r.SendScope,
		Dead:               r.Dead,
	}
	for _, seconds := range r.Lasted {
		c.Lasted = append(c.Lasted, time.Duration(seconds)*time.Second)
	}
	for _, at := range []struct{ from, to *time.Time }{
		{r.Expiry, &c.Expiry}, {r.UsedAt, &c.UsedAt}, {r.RefreshExpiry, &c.RefreshExpiry},
		{r.EndedAt, &c.EndedAt},
	} {
		if at.from != nil {
			*at.to = *at.from
		}
	}
	return c, r.Name != "", nil
}

// known returns nil for a time that is not known, to leave it out of the record.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
