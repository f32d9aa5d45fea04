package words

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/ipc/api"
)

// LoginRequired words an account that has no usable login; why is "" if nothing more is known.
func LoginRequired(name, why string) *api.Error {
	message := name + " needs a login"
	if why != "" {
		message += ": " + why
	}
	return &api.Error{Code: api.LoginRequired, Message: message, Hint: "oauthd login " + name}
}

// NoCredential words an account without a credential. missing is since when the store has had none although nobody has
// logged out; zero for an account that nobody is logged in to.
func NoCredential(name string, missing time.Time) *api.Error {
	if missing.IsZero() {
		return LoginRequired(name, "nobody is logged in")
	}
	e := LoginRequired(name, fmt.Sprintf("its credential has been missing from the store since %s, and oauthd did not delete it",
		missing.Local().Format("15:04 on 2 January 2006")))
	e.Hint += "; if it happens again, check that your keyring is not made anew at each desktop login"
	return e
}

// Discovery words a failure to learn what an issuer offers; providerName is what people call it. An [api.Error] is
// returned as it is.
func Discovery(providerName string, err error) error {
	var told *api.Error
	if errors.As(err, &told) {
		return told
	}
	if after, ok := Transient(err); ok {
		return (&api.Error{
			Code:       api.ProviderUnreachable,
			Message:    fmt.Sprintf("%s cannot be reached: %v", providerName, err),
			Hint:       wayOut(err, "check the network and the issuer's URL, then try again"),
			RetryAfter: seconds(after),
		}).Because(err)
	}
	hint := "check the issuer's URL; the provider's documentation names it"
	var other *provider.IssuerMismatchError
	if errors.As(err, &other) {
		hint = "use the issuer's URL exactly as its own document has it, or find out who answers there"
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: err.Error(), Hint: hint}).Because(err)
}

// Token words a failure on the way to a token of a. An [api.Error], and an error that nothing here knows, is returned
// as it is.
func Token(a account.Account, providerName string, now time.Time, err error) error {
	var told *api.Error
	if errors.As(err, &told) {
		return told
	}
	var retryAfter time.Duration
	var waiting *token.BackoffError
	if errors.As(err, &waiting) {
		retryAfter = waiting.RetryAt.Sub(now)
	}
	kept := "you are still logged in; "
	if !a.Grant.Interactive() {
		kept = ""
	}
	var refused *grant.ProviderError
	if errors.As(err, &refused) {
		return tokenRefused(a, providerName, kept, retryAfter, refused).Because(err)
	}
	switch {
	case errors.Is(err, token.ErrNoIDToken):
		return (&api.Error{
			Code:    api.Unsupported,
			Message: fmt.Sprintf("%s gave no ID token", providerName),
			Hint:    "oauthd login " + a.Name + " --scope openid; some providers give one at the login alone",
		}).Because(err)
	case errors.Is(err, token.ErrBusy), errors.Is(err, token.ErrClosed):
		return (&api.Error{
			Code:    api.Busy,
			Message: "the daemon is stopping, or has too many requests for this account under way",
			Hint:    "try again",
		}).Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return (&api.Error{
			Code:       api.Timeout,
			Message:    fmt.Sprintf("%s did not answer in time", providerName),
			Hint:       kept + "try again later",
			RetryAfter: seconds(retryAfter),
		}).Because(err)
	}
	return err
}

// tokenRefused words a provider's refusal to give a token.
func tokenRefused(
	a account.Account, providerName, kept string, retryAfter time.Duration, refused *grant.ProviderError,
) *api.Error {
	switch refused.Kind {
	case grant.LoginRequired:
		return LoginRequired(a.Name, providerName+" has ended this login ("+Said(refused)+")")
	case grant.Transient:
		return &api.Error{
			Code:       api.ProviderUnreachable,
			Message:    fmt.Sprintf("%s did not give a token: %s", providerName, Said(refused)),
			Hint:       kept + wayOut(refused, "try again later"),
			RetryAfter: max(seconds(retryAfter), seconds(refused.RetryAfter)),
		}
	case grant.Configuration:
		if aboutProof(refused) {
			return proofRefused(a, providerName, refused)
		}
		hint := "check the client's registration at the provider; oauthd login " + a.Name + " takes another client, " +
			"and token_endpoint_auth_method in its file another way to authenticate it"
		if !a.Grant.HasClient() {
			hint = "check that the key has not been deleted at " + providerName + ", and that it may have what was asked for"
		}
		return &api.Error{
			Code:    api.ProviderRejected,
			Message: fmt.Sprintf("%s refused the request: %s", providerName, Said(refused)),
			Hint:    hint,
		}
	default:
		return &api.Error{
			Code:    api.ProviderRejected,
			Message: fmt.Sprintf("%s gave no usable answer: %s", providerName, Said(refused)),
			Hint:    kept + "see the daemon's log for details",
		}
	}
}

// aboutProof reports whether a refusal is because of a DPoP proof, or for want of one (RFC 9449 §5).
func aboutProof(refused *grant.ProviderError) bool {
	return refused.Code == "use_dpop_nonce" || refused.Code == "invalid_dpop_proof"
}

// wrongProof says what to do if a proof was sent and not taken.
const wrongProof = "compare this machine's clock with the provider's; the daemon's log has the details"

// proofRefused words a refusal that is about a proof.
func proofRefused(a account.Account, providerName string, refused *grant.ProviderError) *api.Error {
	hint := wrongProof
	if !a.DPoP {
		hint = "write dpop = true into the account's file, then oauthd login " + a.Name
	}
	return &api.Error{
		Code:    api.ProviderRejected,
		Message: fmt.Sprintf("%s refused the proof of a key (DPoP): %s", providerName, Said(refused)),
		Hint:    hint,
	}
}

// DamagedProofKey words a saved key that cannot be read; err quotes nothing of it.
func DamagedProofKey(name string, err error) *api.Error {
	return (&api.Error{
		Code:    api.LoginRequired,
		Message: name + " cannot use its login: " + err.Error(),
		Hint:    "oauthd logout " + name + ", then oauthd login " + name,
	}).Because(err)
}

// BadProof words a request for a proof that cannot be made; err quotes nothing.
func BadProof(err error) *api.Error {
	return BadRequest(err.Error(), `send the method and the url of the request that the proof is for, such as "method":"GET","url":"https://api.example.com/me"`)
}

// TokenReplaced words a proof that cannot be made because its token is being replaced all the time.
func TokenReplaced(name string) *api.Error {
	return &api.Error{Code: api.Busy, Message: "the token of " + name + " was replaced at this moment", Hint: "try again"}
}

// ScopeNotGranted words a request for scopes that the login did not bring.
func ScopeNotGranted(name string, missing []string) *api.Error {
	return &api.Error{
		Code:    api.ScopeNotGranted,
		Message: name + " was not granted " + api.Excerpt(strings.Join(missing, " ")),
		Hint:    "oauthd login " + name + scopeFlags(missing),
	}
}

// scopeFlags are the flags that ask for scopes. What a caller has made up does not become part of a command to copy: a
// shell could take it for something else, and nobody reads what is very long.
func scopeFlags(scopes []string) string {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=,%-"
	flags := ""
	for _, scope := range scopes {
		flags += " --scope " + scope
		if strings.Trim(scope, harmless) != "" || len(flags) > 200 {
			return " --scope S, once for each of them"
		}
	}
	return flags
}

// ScopeLost words a request for scopes that the login brought and a refresh no longer does.
func ScopeLost(name, providerName string, missing []string) *api.Error {
	lost := strings.Join(missing, " ")
	return &api.Error{
		Code:    api.ScopeNotGranted,
		Message: fmt.Sprintf("%s was granted %s at the login, but %s leaves it out of refreshed tokens", name, lost, providerName),
		Hint: "check what the client may have at the provider; oauthd login " + name + " asks once more, " +
			"and brings it until the first refresh",
	}
}

// Said words what the provider answered; descriptions are filtered by daemon/grant.
func Said(e *grant.ProviderError) string {
	switch {
	case e.Code != "" && e.Description != "":
		return e.Code + ": " + e.Description
	case e.Code != "":
		return e.Code
	}
	return e.Error()
}

// Transient reports whether err says of itself that trying again later may help, and after how long at the earliest; 0
// means that no time was named.
func Transient(err error) (retryAfter time.Duration, ok bool) {
	var t interface {
		Transient() (retryAfter time.Duration, ok bool)
	}
	if errors.As(err, &t) {
		return t.Transient()
	}
	return 0, false
}

// seconds shapes a pause for the wire: whole seconds, rounded up, 0 for none.
func seconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int(math.Ceil(d.Seconds()))
}
