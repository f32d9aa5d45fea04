package grant

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// ErrIDToken is in every error of [ParseIDToken].
var ErrIDToken = errors.New("the ID token cannot be accepted")

// clockSkew is how far this computer's clock may be ahead of the provider's.
const clockSkew = 5 * time.Minute

// Expect is what an ID token must say.
type Expect struct {
	// Provider's issuer must be the iss claim; where it has neither issuer nor template, iss is not compared.
	Provider provider.Provider
	// ClientID must be among the aud claim.
	ClientID string
	// Nonce is the authorization request's; "" for an answer to a refresh, which has none.
	Nonce string
	// Now is the wall time to compare exp with.
	Now time.Time
}

// ParseIDToken reads an ID token that came straight from the token endpoint over TLS, where the server's certificate
// stands in for the signature (OpenID Connect Core 1.0 §3.1.3.7 item 6), and checks iss, aud, azp, exp and nonce. It
// must not be used for a token that came any other way. Errors wrap [ErrIDToken] and quote no claim. expiry is the exp
// claim.
func ParseIDToken(raw account.Secret, expect Expect) (id Identity, expiry time.Time, err error) {
	claims, err := parseClaims(raw)
	if err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	if err := expect.check(claims); err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	id = Identity{
		Issuer:  text(claims["iss"]),
		Subject: subjectOf(claims["sub"]),
		Email:   emailOf(claims["email"]),
	}
	if !strings.HasPrefix(string(claims["sub"]), `"`) || id.Subject == "" {
		return Identity{}, time.Time{}, fmt.Errorf("%w: it names no subject", ErrIDToken)
	}
	return id, expiryOf(claims), nil
}

func (x Expect) check(claims map[string]json.RawMessage) error {
	iss := text(claims["iss"])
	switch p := x.Provider; {
	case iss == "" || len(iss) > 2048 || strings.ContainsFunc(iss, notPrintable):
		return errors.New("it names no issuer")
	case p.IssuerTemplate != "":
		// The tid claim must name the tenant that iss names, or any tenant could speak for any other.
		if tenant := text(claims["tid"]); tenant == "" || !p.IssuerMatches(iss, tenant) {
			return errors.New("its issuer is not the provider's, or not that of its tenant")
		}
	case p.Issuer != "" && !p.IssuerMatches(iss, ""):
		return fmt.Errorf("its issuer is not %q", p.Issuer)
	}
	audience, ok := audienceOf(claims["aud"])
	authorized := text(claims["azp"])
	switch {
	case !ok || x.ClientID == "" || !slices.Contains(audience, x.ClientID):
		return errors.New("it was made for another client")
	case len(claims["azp"]) != 0 && authorized != x.ClientID, len(audience) > 1 && authorized == "":
		return errors.New("its authorized party is another client")
	}
	expiry := expiryOf(claims)
	switch {
	case expiry.IsZero():
		return errors.New("it has no expiry")
	case !x.Now.Before(expiry.Add(clockSkew)):
		return errors.New("it has expired; is this computer's clock right?")
	}
	nonce := text(claims["nonce"])
	if x.Nonce != "" && subtle.ConstantTimeCompare([]byte(nonce), []byte(x.Nonce)) != 1 {
		return errors.New("its nonce is not the one that was sent")
	}
	return nil
}

// parseClaims decodes a JWS in compact form (RFC 7515 §7.1) without looking at its signature.
func parseClaims(raw account.Secret) (map[string]json.RawMessage, error) {
	parts := strings.Split(raw.Reveal(), ".")
	switch {
	case raw.IsZero():
		return nil, errors.New("there is none")
	case len(parts) == 5:
		return nil, errors.New("it is encrypted")
	case len(parts) != 3:
		return nil, errors.New("it is not a JWT")
	}
	header, err := decodePart(parts[0])
	if err != nil || text(header["alg"]) == "" {
		return nil, errors.New("its header is not one of a JWT")
	}
	claims, err := decodePart(parts[1])
	if err != nil {
		return nil, errors.New("its claims are not a JSON object")
	}
	return claims, nil
}

func decodePart(part string) (map[string]json.RawMessage, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	members := parseObject(decoded)
	if members == nil {
		return nil, errors.New("not a JSON object")
	}
	return members, nil
}

// audienceOf reads aud: a string, or a list of strings.
func audienceOf(raw json.RawMessage) ([]string, bool) {
	if one := text(raw); one != "" {
		return []string{one}, true
	}
	var list []string
	return list, json.Unmarshal(raw, &list) == nil && len(list) > 0
}

func expiryOf(claims map[string]json.RawMessage) time.Time { return instantOf(claims["exp"]) }

// instantOf reads seconds since 1970, whole or not; zero when they are missing, not positive, or out of any calendar.
func instantOf(raw json.RawMessage) time.Time {
	const year9999 = 253402300799
	var seconds float64
	if len(raw) == 0 || json.Unmarshal(raw, &seconds) != nil || seconds <= 0 || seconds > year9999 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// claimedExpiry returns the exp claim of an ID token nobody has verified; zero when there is none.
func claimedExpiry(raw account.Secret) time.Time {
	claims, err := parseClaims(raw)
	if err != nil {
		return time.Time{}
	}
	return expiryOf(claims)
}
