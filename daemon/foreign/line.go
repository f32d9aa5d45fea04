package foreign

import (
	"bytes"
	"net/url"
	"regexp"
	"strings"

	"oauthd/daemon/account"
)

// isPairs reports whether every line is a key=value of git's credential format (git-credential(1)), and one of them
// says of what host.
func isPairs(data []byte) bool {
	pair := regexp.MustCompile(`^[a-z_]+(\[\])?=`)
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !pair.Match(line) {
			return false
		}
	}
	return bytes.HasPrefix(data, []byte("host=")) || bytes.Contains(data, []byte("\nhost="))
}

// parseGit reads what git credential fill prints for a helper that keeps a refresh token.
func parseGit(data []byte) (Found, *Mistake) {
	values := map[string]string{}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
		if _, twice := values[key]; twice && key == "host" {
			return Found{}, mistake("import one at a time", "the file has several git credentials")
		}
		values[key] = value
	}
	f := Found{
		Kind: KindCredential, Format: "a git credential", RefreshToken: account.NewSecret(values["oauth_refresh_token"]),
		NoClient: "a git credential does not say which client it was given to",
	}
	if f.RefreshToken.IsZero() {
		return Found{}, mistake("git-credential-oauth and Git Credential Manager keep one for some hosts; else use oauthd login",
			"there is no oauth_refresh_token in the git credential")
	}
	if f.Provider = hostOf(values["host"]); f.Provider == "" {
		f.Issuer = (&url.URL{Scheme: values["protocol"], Host: values["host"]}).String()
	}
	return f, nil
}

// parseBare reads a refresh token that stands alone.
func parseBare(data []byte) (Found, *Mistake) {
	text := string(data)
	switch {
	case strings.HasPrefix(text, "-----BEGIN "):
		return Found{}, mistake(`a client's key goes into key_file of accounts/NAME.toml; a service account's comes as JSON`,
			"the file is in PEM, as keys and certificates are")
	case strings.HasPrefix(text, "ya29."):
		return Found{}, accessTokenOnly()
	case strings.ContainsAny(text, " \t\r\n<>{}") || len(text) < 8 || !visible(text):
		return Found{}, mistake(anyHint, "the file has no format that oauthd knows, and not a refresh token alone")
	}
	return Found{
		Kind: KindCredential, Format: "a bare refresh token", RefreshToken: account.NewSecret(text),
		NoClient: "a bare refresh token does not say which client it was given to",
	}, nil
}
