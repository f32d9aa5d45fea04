// Package oidcagent answers the clients of oidc-agent in its place: oidc-token, the libraries for C, Go and Python, and
// whatever sends plain JSON to the socket that OIDC_SOCK names. They get access tokens, ID tokens and the names of accounts.
// Everything that would change an account is refused, with a sentence that says what oauthd does instead.
//
// Two forms of a request exist. A client that sends an object of JSON is answered by one. Any other client sends the base64
// of an X25519 public key, gets one back, and from then on both sides use NaCl's box; see box.go. That hides nothing here,
// because both ends are one person's processes on one machine, but oidc-agent's own programs know nothing else.
package oidcagent

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"oauthd/ipc/api"
)

// Daemon is what the answers come from.
type Daemon interface {
	Token(ctx context.Context, r api.TokenRequest) (api.Token, error)
	Account(ctx context.Context, name string) (api.Account, error)
	Accounts(ctx context.Context) ([]api.Account, error)
}

// request is what clients send. What else is in it, such as the application_hint, is ignored: the kernel says who asks.
type request struct {
	Request  string  `json:"request"`
	Account  string  `json:"account"`
	Issuer   string  `json:"issuer"`
	MinValid seconds `json:"min_valid_period"`
	Scope    string  `json:"scope"`
	Audience string  `json:"audience"`
}

// seconds is a number of seconds, which some clients send as a string.
type seconds float64

// UnmarshalJSON implements [json.Unmarshaler].
func (s *seconds) UnmarshalJSON(text []byte) error {
	number, err := strconv.ParseFloat(strings.Trim(string(text), `"`), 64)
	if string(text) == "null" || string(text) == `""` {
		number, err = 0, nil
	}
	*s = seconds(number)
	return err
}

// The answers. Clients look for error first, and take an answer without it for a success.
type (
	success struct {
		Status string `json:"status"`
		Info   any    `json:"info,omitempty"`
	}
	accessToken struct {
		Status      string `json:"status"`
		AccessToken string `json:"access_token"`
		Issuer      string `json:"issuer"`
		// ExpiresAt is in seconds since 1970; 0, which has passed, if nobody knows.
		ExpiresAt int64 `json:"expires_at"`
	}
	idToken struct {
		Status  string `json:"status"`
		IDToken string `json:"id_token"`
		Issuer  string `json:"issuer"`
	}
	failure struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Info   string `json:"info,omitempty"`
	}
	// issuerInfo is what account_info says about an issuer.
	issuerInfo struct {
		PublicClient bool            `json:"pubclient"`
		Accounts     map[string]bool `json:"accounts"` // whether somebody is logged in
	}
)

const succeeded = "success"

// Serve answers the one request that a client sends on c. The error is one of c's, and then there was nobody to answer.
func Serve(ctx context.Context, c io.ReadWriter, d Daemon) error {
	return serve(ctx, &line{c: c, random: rand.Reader}, d)
}

func serve(ctx context.Context, l *line, d Daemon) error {
	text, err := l.receive()
	if known := (*api.Error)(nil); err != nil && !errors.As(err, &known) {
		return err
	}
	var answer any
	if err == nil {
		answer, err = answerTo(ctx, text, d)
	}
	if err != nil {
		e := api.AsError(err)
		answer = failure{"failure", api.Lines(e.Message), hint(e)}
	}
	out, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	return l.send(out)
}

// hint is the hint of e as oidc-token prints it: on a line by itself, whose end it does not add.
func hint(e *api.Error) string {
	if e.Hint == "" {
		return ""
	}
	return api.Lines(e.Hint) + "\n"
}

func malformed() error {
	return &api.Error{
		Code: api.BadRequest, Message: "oauthd cannot read this request, which is not one of an oidc-agent's clients",
		Hint: "OIDC_SOCK names a socket for oidc-agent's clients; oauthd status --socket prints the one for all others",
	}
}

// answerTo returns the answer to a request.
func answerTo(ctx context.Context, text []byte, d Daemon) (any, error) {
	var r request
	if json.Unmarshal(text, &r) != nil {
		return nil, malformed()
	}
	switch r.Request {
	case "access_token", "id_token":
		return token(ctx, r, d)
	case "loaded_accounts":
		return loaded(ctx, d)
	case "account_info":
		return info(ctx, d)
	case "check": // whether an agent is there
		return success{Status: succeeded}, nil
	}
	return nil, refusal(r.Request)
}

// token returns a token of the account that r names, or of the only one that its issuer has.
func token(ctx context.Context, r request, d Daemon) (any, error) {
	name, err := r.Account, error(nil)
	switch {
	case name != "":
	case r.Issuer != "":
		name, err = accountOf(ctx, r.Issuer, d)
	default:
		err = &api.Error{Code: api.BadRequest, Message: "the request names neither an account nor an issuer", Hint: "oauthd accounts lists the accounts"}
	}
	if err != nil {
		return nil, err
	}
	wanted := api.TokenRequest{Account: name, Scope: r.Scope, Audience: r.Audience, IDToken: r.Request == "id_token", Force: r.MinValid < 0}
	if r.MinValid > 0 { // 0 asks for nothing, and gets the daemon's own minimum
		least := int64(min(r.MinValid, math.MaxInt32))
		wanted.MinTTL = &least
	}
	t, err := d.Token(ctx, wanted)
	if err != nil {
		return nil, err
	}
	a, err := d.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	if wanted.IDToken {
		return idToken{succeeded, t.IDToken, a.Issuer}, fit(name, t.IDToken)
	}
	if t.TokenType == api.TypeDPoP {
		return nil, api.NeedsProof(name)
	}
	answer := accessToken{Status: succeeded, AccessToken: t.AccessToken, Issuer: a.Issuer}
	if t.ExpiresAt != nil {
		answer.ExpiresAt = t.ExpiresAt.Unix()
	}
	return answer, fit(name, t.AccessToken)
}

// fit refuses a token that no header could carry (RFC 6750 §2.1): oidc-token --env prints it, unquoted, for a shell.
func fit(name, token string) error {
	for _, r := range token {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && !strings.ContainsRune("-._~+/=", r) {
			return &api.Error{Code: api.Unsupported, Message: "the token of " + name + " has characters that a shell could take for a command",
				Hint: "oauthd token " + name + " prints it"}
		}
	}
	return nil
}

// accountOf returns the name of the one account whose provider is that issuer.
func accountOf(ctx context.Context, issuer string, d Daemon) (string, error) {
	all, err := d.Accounts(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for _, a := range all {
		if a.Issuer != "" && sameIssuer(a.Issuer, issuer) {
			names = append(names, a.Name)
		}
	}
	switch len(names) {
	case 0:
		return "", &api.Error{Code: api.UnknownAccount, Message: "no account has the issuer " + api.Excerpt(issuer),
			Hint: "oauthd login NAME --issuer URL makes one; oauthd accounts lists those that exist"}
	case 1:
		return names[0], nil
	}
	return "", &api.Error{Code: api.Ambiguous, Message: fmt.Sprintf("%d accounts have the issuer %s: %s", len(names), api.Excerpt(issuer), strings.Join(names, ", ")),
		Hint: "name the account instead, such as " + names[0]}
}

// sameIssuer compares as oidc-agent does: a slash at the end makes no difference.
func sameIssuer(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// loaded lists the accounts that somebody is logged in to: those that oidc-agent would have loaded.
func loaded(ctx context.Context, d Daemon) (any, error) {
	all, err := d.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, a := range all {
		if isLoaded(a) {
			names = append(names, a.Name)
		}
	}
	return success{succeeded, names}, nil
}

func isLoaded(a api.Account) bool { return a.State != api.StateLoginRequired }

// info lists all accounts by issuer. None of these has the public client that oidc-agent brings with it.
func info(ctx context.Context, d Daemon) (any, error) {
	all, err := d.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	issuers := map[string]issuerInfo{}
	for _, a := range all {
		issuer := strings.TrimSuffix(a.Issuer, "/")
		known, ok := issuers[issuer]
		if !ok {
			known.Accounts = map[string]bool{}
			issuers[issuer] = known
		}
		known.Accounts[a.Name] = isLoaded(a)
	}
	return success{succeeded, issuers}, nil
}

// refusal says what oauthd does instead of what the request asks for.
func refusal(name string) error {
	for _, r := range refusals() {
		if slices.Contains(r.requests, name) {
			return &api.Error{Code: api.Unsupported, Message: r.message, Hint: r.hint}
		}
	}
	return &api.Error{Code: api.Unsupported, Message: fmt.Sprintf("oauthd answers here in oidc-agent's place, and does not know the request %q", api.Excerpt(name)),
		Hint: "oauthd help oidcagent lists what it answers"}
}
