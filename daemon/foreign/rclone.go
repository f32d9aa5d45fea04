package foreign

import (
	"bytes"
	"regexp"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// section is one remote of rclone's configuration.
type section struct {
	name   string
	values map[string]string
}

// isSection reports whether data begins with the name of a section, which a JSON array does not.
func isSection(data []byte) bool {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return regexp.MustCompile(`^\[[^\[\]{}",]+\]\s*$`).Match(line)
}

func isSealedRclone(data []byte) bool {
	return bytes.HasPrefix(data, []byte("RCLONE_ENCRYPT_V")) || bytes.Contains(data, []byte("\nRCLONE_ENCRYPT_V"))
}

// parseRclone reads rclone's configuration, or one remote of it as rclone config show prints it.
func parseRclone(data []byte) (Found, *Mistake) {
	var remotes []section
	sections := 0
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			sections++
			remotes = append(remotes, section{strings.TrimSpace(strings.Trim(line, "[]")), map[string]string{}})
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || len(remotes) == 0 {
			return Found{}, mistake(anyHint, "the file has no format that oauthd knows")
		}
		remotes[len(remotes)-1].values[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	var tokens []section
	var names []string
	for _, r := range remotes {
		if r.values["token"] != "" {
			tokens, names = append(tokens, r), append(names, r.name)
		}
	}
	switch {
	case sections == 0:
		return Found{}, mistake(anyHint, "the file has nothing but comments")
	case len(tokens) == 0:
		return Found{}, mistake("rclone config reconnect NAME: makes one, or use oauthd login", "no remote in the file has a token")
	case len(tokens) > 1:
		return Found{}, several("remotes with a token", names, "import one by name: rclone config show NAME | oauthd import -")
	}
	return remote(tokens[0])
}

func remote(r section) (Found, *Mistake) {
	o, m := open([]byte(r.values["token"]))
	if m != nil {
		return Found{}, mistake("rclone config reconnect NAME: makes a new one", "the remote's token is not a JSON object")
	}
	f := savedToken(o)
	f.Format, f.Name = "a remote of rclone", r.name
	f.Shared = "rclone keeps the remote's other settings in such a file"
	f.AuthURI, f.TokenURI = r.values["auth_url"], r.values["token_url"]
	f.ClientID, f.ClientSecret = r.values["client_id"], account.NewSecret(r.values["client_secret"])
	f.Provider = providerOfRemote(r.values["type"])
	f.NoClient = "the remote uses rclone's own client, which is not in the file"
	if f.Provider == "google" {
		f.Scopes = driveScopes(r.values["scope"])
	}
	switch {
	case o.wrong != nil:
		return Found{}, o.wrong
	case f.RefreshToken.IsZero() && o.text("access_token") != "":
		return Found{}, accessTokenOnly()
	}
	return f, nil
}

// providerOfRemote names the provider that a type of remote logs in at, where the table has it.
func providerOfRemote(kind string) string {
	name := map[string]string{
		"drive": "google", "google photos": "google", "google cloud storage": "google", "onedrive": "microsoft",
		"dropbox": "dropbox", "box": "box", "yandex": "yandex",
	}[kind]
	if _, ok := provider.Lookup(name); !ok {
		return ""
	}
	return name
}

// driveScopes spells out the short names that rclone has for Google Drive's scopes.
func driveScopes(text string) []string {
	scopes := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	for i, scope := range scopes {
		if strings.HasPrefix(scope, "drive") {
			scopes[i] = "https://www.googleapis.com/auth/" + scope
		}
	}
	return scopes
}

// several words a file that holds more than one; names are other tools' names.
func several(what string, names []string, hint string) *Mistake {
	return mistake(hint, "the file has %d %s: %s", len(names), what, api.Excerpt(strings.Join(names, ", ")))
}
