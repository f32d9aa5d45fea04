package grant

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
)

const (
	jwtBearerAssertion    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	clientAssertionLife   = 5 * time.Minute
	clientAssertionBehind = 10 * time.Second
)

// Sign returns claims as a JWS in compact form (RFC 7519 §3), signed by the key's algorithm.
func (k ClientKey) Sign(claims map[string]any) (account.Secret, error) {
	return k.sign(claims, (&jose.SignerOptions{}).WithType("JWT"))
}

// sign is [ClientKey.Sign] with what options say of the header.
func (k ClientKey) sign(claims map[string]any, options *jose.SignerOptions) (account.Secret, error) {
	if k.IsZero() {
		return account.Secret{}, errors.New("there is no private key to sign with")
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return account.Secret{}, errors.New("the claims to sign are not JSON")
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: k.private.algorithm,
		Key:       jose.JSONWebKey{Key: k.private.signer, KeyID: k.private.id},
	}, options)
	if err != nil {
		return account.Secret{}, errors.New("the private key cannot sign")
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return account.Secret{}, errors.New("the private key cannot sign")
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return account.Secret{}, errors.New("the private key cannot sign")
	}
	return account.NewSecret(compact), nil
}

// assert authenticates the client with an assertion that it signs (RFC 7523 §2.2, §3), good for one request.
func (a ClientAuth) assert(form url.Values, endpoint string, now time.Time) error {
	issued := now.Add(-clientAssertionBehind)
	assertion, err := a.Key.Sign(map[string]any{
		"iss": a.ID,
		"sub": a.ID,
		"aud": cmp.Or(a.AssertionAudience, endpoint),
		"jti": rand.Text(),
		"iat": issued.Unix(),
		"exp": issued.Add(clientAssertionLife).Unix(),
	})
	if err != nil {
		return err
	}
	form.Set("client_id", a.ID) // RFC 7521 §4.2 allows it, and some servers look the key up by it
	form.Set("client_assertion_type", jwtBearerAssertion)
	form.Set("client_assertion", assertion.Reveal())
	return nil
}
