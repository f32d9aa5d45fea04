package grant

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/account"
)

const (
	jwtBearerAssertion    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	clientAssertionLife   = 5 * time.Minute
	clientAssertionBehind = 10 * time.Second
	// tolerableClock is how far apart clocks may be before the error of a refused assertion mentions it.
	tolerableClock = time.Minute
)

// Sign returns claims as a JWS in compact form (RFC 7519 §3), signed by the key's algorithm.
func (k ClientKey) Sign(claims map[string]any) (account.Secret, error) {
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
	}, (&jose.SignerOptions{}).WithType("JWT"))
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

// ofMachine turns fail into the error of a grant that needs no person, so a login cannot help. asserted means that the
// request had a signed assertion, whose times are by this machine's clock.
func (a Answer) ofMachine(fail *ProviderError, asserted bool) *ProviderError {
	if fail.Kind == LoginRequired {
		fail.Kind = Configuration
	}
	if trouble := a.clockTrouble(); asserted && trouble != "" && (fail.Code == "invalid_grant" || fail.Code == "invalid_client") {
		if fail.Description != "" {
			trouble = fail.Description + "; " + trouble
		}
		fail.Description = trouble
	}
	return fail
}

// clockTrouble says how far this machine's clock is from the provider's, by the answer's Date (RFC 9110 §6.6.1); "" if
// they agree, or nobody can say.
func (a Answer) clockTrouble() string {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return ""
	}
	off := date.Sub(a.now)
	which := "slow"
	if off < 0 {
		off, which = -off, "fast"
	}
	if off <= tolerableClock {
		return ""
	}
	return fmt.Sprintf("this machine's clock is %s %s", inWords(off), which)
}

// inWords rounds d, which is over a minute, to the largest unit that says enough.
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if d >= 2*unit.size {
			return fmt.Sprintf("%d %s", d.Round(unit.size)/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d.Round(time.Second)/time.Second)
}
