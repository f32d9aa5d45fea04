package grant

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Identity is who logged in.
type Identity struct {
	// Issuer is the iss claim of an ID token; for userinfo it is the provider's issuer, "" if it has none.
	Issuer string
	// Subject is stable and unique at the issuer; never empty. Email is for people to read, "" if the provider does not
	// say. Neither is secret.
	Subject string
	Email   string
}

// Userinfo asks the provider's userinfo endpoint (OpenID Connect Core 1.0 §5.3) whom an access token stands for. If
// there is also an ID token, the caller compares the subjects (§5.3.2). Errors are *[ProviderError].
func (c *Client) Userinfo(
	ctx context.Context, endpoint string, tok account.Token, p provider.Provider,
) (Identity, error) {
	a, fail := c.present(ctx, Request{Op: "userinfo request", Method: http.MethodGet, Endpoint: endpoint}, tok)
	if fail != nil {
		return Identity{}, fail
	}
	members, fail := a.Members()
	if fail != nil {
		return Identity{}, fail
	}
	subjectClaim, emailClaim := p.SubjectClaim, p.EmailClaim
	if subjectClaim == "" {
		subjectClaim = "sub"
	}
	if emailClaim == "" {
		emailClaim = "email"
	}
	subject := subjectOf(members[subjectClaim])
	if subject == "" {
		return Identity{}, a.Fail(Unknown, "the answer names no subject")
	}
	return Identity{Issuer: p.Issuer, Subject: subject, Email: members.Email(emailClaim)}, nil
}

// subjectOf reads a subject: a string of printable ASCII, at most 255 bytes (OpenID Connect Core 1.0 §2), or a whole
// number, as at GitHub. It returns "" for anything else.
func subjectOf(raw json.RawMessage) string {
	subject := text(raw)
	if len(raw) > 0 && (raw[0] >= '0' && raw[0] <= '9') && !strings.ContainsAny(string(raw), ".eE") {
		subject = string(raw)
	}
	if len(subject) > 255 || strings.ContainsFunc(subject, notPrintable) {
		return ""
	}
	return subject
}
