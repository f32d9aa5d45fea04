package words

import (
	"fmt"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// BadRequest words a request that does not make sense.
func BadRequest(message, hint string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: message, Hint: hint}
}

// Quoting is [fmt.Sprintf] for a sentence that quotes others: texts and errors in args are quoted as excerpts.
func Quoting(format string, args ...any) string {
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = api.Excerpt(arg)
		case error:
			args[i] = api.Foreign(arg)
		}
	}
	return fmt.Sprintf(format, args...)
}

// ConfigInvalid words a mistake in a configuration file.
func ConfigInvalid(err error) *api.Error {
	return (&api.Error{
		Code:    api.ConfigInvalid,
		Message: err.Error(),
		Hint:    "correct the file; the daemon reads it again by itself",
	}).Because(err)
}

// ReloadRefused words a reload that changed nothing.
func ReloadRefused(err error) *api.Error {
	return (&api.Error{
		Code:    api.ConfigInvalid,
		Message: err.Error(),
		Hint:    "nothing was changed; correct that, then run oauthd reload",
	}).Because(err)
}

// UnknownAccount words a name that no account has.
func UnknownAccount(name string) *api.Error {
	return &api.Error{
		Code:    api.UnknownAccount,
		Message: fmt.Sprintf("there is no account %q", name),
		Hint:    fmt.Sprintf("oauthd accounts lists them; oauthd login %s creates it", name),
	}
}

// UnknownProvider words a name that no provider has; near are names that may have been meant.
func UnknownProvider(name string, near []string) *api.Error {
	name = api.Excerpt(name)
	hint := fmt.Sprintf("oauthd providers lists them; for others use --issuer URL, or add [providers.%s] to config.toml", name)
	if len(near) > 0 {
		hint = fmt.Sprintf("did you mean %s? oauthd providers lists all", strings.Join(near, ", "))
	}
	return &api.Error{Code: api.UnknownProvider, Message: fmt.Sprintf("there is no provider %q", name), Hint: hint}
}

// Tenant words a tenant that does not fit the provider; takesOne says whether the provider has tenants.
func Tenant(provider string, takesOne bool, err error) *api.Error {
	hint := "oauthd login NAME --tenant T, or tenant in the account's file; oauthd providers " + provider + " shows more"
	if !takesOne {
		hint = "leave out --tenant, and tenant in the account's file"
	}
	return (&api.Error{Code: api.BadRequest, Message: api.Excerpt(err.Error()), Hint: hint}).Because(err)
}

// NotOurs words a change to an account file that a person wrote; lines are what to write there.
func NotOurs(file string, lines []string) *api.Error {
	return &api.Error{
		Code:    api.ConfigInvalid,
		Message: file + " is yours, so oauthd does not change it",
		Hint:    "set there: " + strings.Join(lines, "; "),
	}
}

// Key words a private key that cannot be used; err never quotes it.
func Key(a account.Account, err error) *api.Error {
	hint := "oauthd login " + a.Name + " --key-file FILE takes another key"
	if a.KeyFile != "" {
		hint = "check key_file in " + a.File
	}
	return (&api.Error{Code: api.ConfigInvalid, Message: fmt.Sprintf("the private key of %s: %v", a.Name, api.Foreign(err)), Hint: hint}).Because(err)
}
