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
	// Provider's issuer must be the iss claim; if it has neither an issuer nor a template, iss is not compared.
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
	claims, err := Claims(raw)
	if err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	if err := expect.check(claims); err != nil {
		return Identity{}, time.Time{}, fmt.Errorf("%w: %w", ErrIDToken, err)
	}
	id = Identity{
		Issuer:  claims.Text("iss"),
		Subject: subjectOf(claims["sub"]),
		Email:   claims.Email("email"),
	}
	if !strings.HasPrefix(string(claims["sub"]), `"`) || id.Subject == "" {
		return Identity{}, time.Time{}, fmt.Errorf("%w: it names no subject", ErrIDToken)
	}
	return id, claims.Instant("exp"), nil
}

func (x Expect) check(claims Members) error {
	iss := claims.Text("iss")
	switch p := x.Provider; {
	case iss == "" || len(iss) > 2048 || strings.ContainsFunc(iss, notPrintable):
		return errors.New("it names no issuer")
	case p.IssuerTemplate != "":
		// The tid claim must name the tenant that iss names. Otherwise any tenant could speak for any other.
		if tenant := claims.Text("tid"); tenant == "" || !p.IssuerMatches(iss, tenant) {
			return errors.New("its issuer is not the provider's, or not that of its tenant")
		}
	case p.Issuer != "" && !p.IssuerMatches(iss, ""):
		return fmt.Errorf("its issuer is not %q", p.Issuer)
	}
	audience, ok := audienceOf(claims["aud"])
	authorized := claims.Text("azp")
	switch {
	case !ok || x.ClientID == "" || !slices.Contains(audience, x.ClientID):
		return errors.New("it was made for another client")
	case len(claims["azp"]) != 0 && authorized != x.ClientID, len(audience) > 1 && authorized == "":
		return errors.New("its authorized party is another client")
	}
	expiry := claims.Instant("exp")
	switch {
	case expiry.IsZero():
		return errors.New("it has no expiry")
	case !x.Now.Before(expiry.Add(clockSkew)):
		return errors.New("it has expired; is this computer's clock right?")
	}
	nonce := claims.Text("nonce")
	if x.Nonce != "" && subtle.ConstantTimeCompare([]byte(nonce), []byte(x.Nonce)) != 1 {
		return errors.New("its nonce is not the one that was sent")
	}
	return nil
}

// Claims decodes a JWS in compact form (RFC 7515 §7.1) without checking its signature, so the claims are only hints.
func Claims(raw account.Secret) (Members, error) {
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
	if err != nil || header.Text("alg") == "" {
		return nil, errors.New("its header is not that of a JWT")
	}
	claims, err := decodePart(parts[1])
	if err != nil {
		return nil, errors.New("its claims are not a JSON object")
	}
	return claims, nil
}

func decodePart(part string) (Members, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	members := ParseMembers(decoded)
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

// ClaimedExpiry returns the exp claim of a JWT that nobody has verified; zero if there is none.
func ClaimedExpiry(raw account.Secret) time.Time {
	claims, err := Claims(raw)
	if err != nil {
		return time.Time{}
	}
	return claims.Instant("exp")
}
