// Package foreign reads what other tools have saved of a person's logins: files of Google's libraries and of gcloud,
// oidc-agent's accounts, rclone's remotes, git's credentials, a bare refresh token. It works on bytes alone: it opens
// no file, asks nobody, and no error of it quotes what it has read.
package foreign

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"oauthd/daemon/account"
	"oauthd/ipc/own"
)

// MaxSize is the number of bytes of which a longer text is refused.
const MaxSize = 512 << 10

// Kind says what a Found is.
type Kind string

// The kinds.
const (
	KindCredential Kind = "credential"      // a person's refresh token
	KindKey        Kind = "service_account" // a service account's key
	KindClient     Kind = "client_secrets"  // a client alone, for which a login is needed
)

// Found is what a text holds. Fields that the text does not have are zero.
type Found struct {
	Kind Kind
	// Format names what was recognised, for people: "a token.json of google-auth".
	Format string
	// Name is the other tool's own name for it, which need not be an account's name.
	Name string
	// Provider is a name of the provider table, and Tenant what stands in its endpoints where it has them per tenant; ""
	// where no built-in provider is meant.
	Provider string
	Tenant   string
	// Issuer, AuthURI and TokenURI are what the text says, checked to be URLs that may be a provider's; only where Provider
	// is "" do they count.
	Issuer   string
	AuthURI  string
	TokenURI string
	// Doubt is the host that the text would have the refresh token sent to and that nothing but the text vouches for; ""
	// where it is a built-in provider's or this machine.
	Doubt string
	// AuthMethod is how the other tool authenticates the client, a token_endpoint_auth_method; "" if that is not known.
	AuthMethod   string
	ClientID     string
	ClientSecret account.Secret
	// NoClient says why the text names no client, as half a sentence; "" if it names one, or there is no reason.
	NoClient     string
	RefreshToken account.Secret
	// Key is the whole key file of [KindKey].
	Key    account.Secret
	Scopes []string
	// Email is the person's address as the text has it; nobody has checked it.
	Email string
	// Shared says what else would be lost with the file, as half a sentence; "" if the file is this alone.
	Shared string
}

// Mistake is why a text cannot be imported.
type Mistake struct {
	// Reason is a sentence about the text; Hint says what to do, and is never "".
	Reason, Hint string
}

// Error returns the reason.
func (m *Mistake) Error() string { return m.Reason }

const anyHint = "oauthd import --help lists the formats that oauthd reads"

func mistake(hint, format string, args ...any) *Mistake {
	return &Mistake{Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// Parse recognises data by its content and reads it. Errors are *[Mistake].
func Parse(data []byte) (Found, error) {
	f, err := parse(data)
	if err != nil {
		return Found{}, err
	}
	return f, nil
}

func parse(data []byte) (Found, *Mistake) {
	if len(data) > MaxSize {
		return Found{}, mistake(anyHint, "the file is larger than %d kB, so it is no saved credential", MaxSize>>10)
	}
	data, err := own.Text(data)
	if err != nil {
		return Found{}, mistake("in PowerShell, Set-Content -Encoding utf8 saves UTF-8", "the file %v", err)
	}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return Found{}, mistake(anyHint, "the file is empty")
	}
	if m := notText(data); m != nil {
		return Found{}, m
	}
	var (
		f Found
		m *Mistake
	)
	switch {
	case data[0] == '{':
		f, m = parseJSON(data)
	case isSealed(data):
		return Found{}, mistake("oidc-gen -p NAME prints it decrypted: oidc-gen -p NAME | oauthd import -",
			"the file is an account of oidc-agent, encrypted")
	case isSealedRclone(data):
		return Found{}, mistake("rclone config show NAME prints one remote of it: rclone config show NAME | oauthd import -",
			"the file is rclone's configuration, encrypted")
	case data[0] == '[' && !isSection(data):
		return Found{}, mistake("take the one entry out of it", "the file is a JSON array; what can be imported is an object")
	case data[0] == '[' || data[0] == '#' || data[0] == ';':
		f, m = parseRclone(data)
	case isPairs(data):
		f, m = parseGit(data)
	default:
		f, m = parseBare(data)
	}
	if m == nil {
		m = f.settle()
	}
	if m == nil {
		m = f.check()
	}
	return f, m
}

// notText recognises the binary files that are most often taken for a saved credential. Bytes that are no UTF-8 may have
// become U+FFFD on their way here.
func notText(data []byte) *Mistake {
	rest, pickled := bytes.CutPrefix(data, []byte("\x80"))
	if !pickled {
		rest, pickled = bytes.CutPrefix(data, []byte("\uFFFD"))
	}
	switch {
	case pickled && len(rest) > 0 && rest[0] >= 2 && rest[0] <= 5:
		return mistake("in Python, load it and write creds.to_json() to a file; import that",
			"the file is a Python pickle, which only running it could read")
	case bytes.HasPrefix(data, []byte("SQLite format 3\x00")):
		return mistake("gcloud auth application-default login writes application_default_credentials.json, which can be imported",
			"the file is an SQLite database, as gcloud keeps its own logins in")
	case !utf8.Valid(data) || bytes.ContainsRune(data, utf8.RuneError) || bytes.ContainsRune(data, 0):
		return mistake("save it as UTF-8", "the file is not text in UTF-8")
	}
	return nil
}

// check refuses values that no provider can have given.
func (f *Found) check() *Mistake {
	for _, value := range []struct{ name, text string }{
		{"client id", f.ClientID}, {"client secret", f.ClientSecret.Reveal()}, {"refresh token", f.RefreshToken.Reveal()},
	} {
		if !visible(value.text) {
			return mistake("look for a line break or a copying slip in it", "the %s in the file has a character that none may have", value.name)
		}
	}
	for _, scope := range f.Scopes {
		if scope == "" || !visible(scope) {
			return mistake("remove it there", "a scope in the file has a character that none may have")
		}
	}
	if f.Kind == KindCredential && f.RefreshToken.IsZero() {
		return noRefreshToken()
	}
	return nil
}

func noRefreshToken() *Mistake {
	return mistake("let that tool log in again so that it gets one, or use oauthd login", "there is no refresh token in the file")
}

func accessTokenOnly() *Mistake {
	return mistake("let that tool log in again so that it gets a refresh token, or use oauthd login",
		"the file holds an access token alone, which ends soon and cannot be renewed")
}

// visible reports whether text is VSCHAR alone (RFC 6749 appendix A).
func visible(text string) bool {
	for _, c := range []byte(text) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}
