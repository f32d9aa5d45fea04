// Package config reads what a person configured, config.toml and accounts/NAME.toml, strictly: an unknown key is a
// mistake, and all mistakes are reported together, each with its file and line. It also writes account files, whole.
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"

	"github.com/pelletier/go-toml/v2"
)

// Config is what the files say. Treat it as read-only; a reload makes a new one.
type Config struct {
	// Backend is the store: "keychain", "file" or "memory".
	Backend string
	// Identity is the path of the age identities that open the file store; "" for a passphrase.
	Identity string
	// Providers are the [providers.*] tables. One with an issuer alone has to be discovered.
	Providers map[string]provider.Provider
	Accounts  map[string]account.Account
}

// Mistake is one thing wrong in one file.
type Mistake struct {
	File string
	Line int // 0 when it concerns the whole file
	Text string
}

func (m Mistake) String() string {
	if m.Line == 0 {
		return m.File + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Text)
}

// Invalid is the error of [Load]: every mistake in every file.
type Invalid struct{ Mistakes []Mistake }

func (e *Invalid) Error() string {
	lines := make([]string, len(e.Mistakes))
	for i, m := range e.Mistakes {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// In returns the mistakes of one file, or nil.
func (e *Invalid) In(file string) *Invalid {
	var found []Mistake
	for _, m := range e.Mistakes {
		if m.File == file {
			found = append(found, m)
		}
	}
	if found == nil {
		return nil
	}
	return &Invalid{found}
}

// MainFile returns the path of config.toml in dir.
func MainFile(dir string) string { return filepath.Join(dir, "config.toml") }

// AccountFile returns the path of an account's file in dir.
func AccountFile(dir, name string) string { return filepath.Join(dir, "accounts", name+".toml") }

// Load reads the configuration in dir; a missing file or directory is an empty one. The error is an [*Invalid]. The
// Config is never nil and holds all that is right, so that one bad account file costs one account.
func Load(dir string) (*Config, error) {
	c := &Config{
		Backend:   "keychain",
		Providers: map[string]provider.Provider{},
		Accounts:  map[string]account.Account{},
	}
	var mistakes []Mistake
	mistakes = append(mistakes, c.loadMain(MainFile(dir))...)

	entries, err := os.ReadDir(filepath.Join(dir, "accounts"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		mistakes = append(mistakes, Mistake{File: filepath.Join(dir, "accounts"), Text: reason(err)})
	}
	for _, entry := range entries {
		name, isTOML := strings.CutSuffix(entry.Name(), ".toml")
		if !isTOML || strings.HasPrefix(name, ".") {
			continue
		}
		file := AccountFile(dir, name)
		if err := account.CheckName(name); err != nil {
			mistakes = append(mistakes, Mistake{File: file, Text: err.Error()})
			continue
		}
		a, found := c.loadAccount(file, name)
		if len(found) > 0 {
			mistakes = append(mistakes, found...)
			continue
		}
		c.Accounts[name] = a
	}
	if len(mistakes) > 0 {
		return c, &Invalid{mistakes}
	}
	return c, nil
}

// source is one file under reading, with the mistakes found so far.
type source struct {
	file     string
	text     []byte
	mistakes []Mistake
}

func open(file string) (*source, bool) {
	text, err := os.ReadFile(file)
	s := &source{file: file, text: text}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.add(0, "%s", reason(err))
	}
	return s, err == nil
}

func (s *source) add(line int, format string, args ...any) {
	s.mistakes = append(s.mistakes, Mistake{File: s.file, Line: line, Text: fmt.Sprintf(format, args...)})
}

// decode fills into, and reports false when the file cannot be understood at all.
func (s *source) decode(into any) bool {
	err := toml.NewDecoder(bytes.NewReader(s.text)).DisallowUnknownFields().Decode(into)
	var strict *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case err == nil:
		return true
	case errors.As(err, &strict):
		for _, e := range strict.Errors {
			line, _ := e.Position()
			key := e.Key()
			text := fmt.Sprintf("unknown key %q", strings.Join(key, "."))
			if len(key) > 0 && key[len(key)-1] == "client_secret" {
				text += "; a secret does not belong here: use client_secrets, or oauthd login --client-secret-stdin"
			}
			s.add(line, "%s", text)
		}
		return true
	case errors.As(err, &wrong):
		line, _ := wrong.Position()
		s.add(line, "%s", plainly(wrong))
	default:
		s.add(0, "%s", strings.TrimPrefix(err.Error(), "toml: "))
	}
	return false
}

// plainly words a mistake of the decoder's without the names of this program's types.
func plainly(e *toml.DecodeError) string {
	text := strings.TrimPrefix(e.Error(), "toml: ")
	got, field, ok := strings.Cut(text, " into struct field ")
	if !ok {
		return text
	}
	want := "a value of another type"
	switch _, t, _ := strings.Cut(field, " of type "); t {
	case "string":
		want = "a string"
	case "bool":
		want = "true or false"
	case "[]string":
		want = "a list of strings"
	case "[]int":
		want = "a list of numbers"
	case "map[string]string":
		want = "a table of strings"
	}
	return fmt.Sprintf("%s: a TOML %s where %s is wanted", strings.Join(e.Key(), "."), strings.TrimPrefix(got, "cannot decode TOML "), want)
}

// line finds the line where key is set in table ("" is the top), or 0. TOML positions are gone after decoding, and a
// mistake in a value wants its line too.
func (s *source) line(table, key string) int {
	current := ""
	for i, l := range strings.Split(string(s.text), "\n") {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			current = strings.Trim(l, "[] \t")
			if current == table && key == "" {
				return i + 1
			}
			continue
		}
		name, _, isPair := strings.Cut(l, "=")
		if isPair && current == table && strings.Trim(strings.TrimSpace(name), `"'`) == key {
			return i + 1
		}
	}
	return 0
}

// check reports a value that rule refuses, at its line; "" is no value.
func (s *source) check(table, key, value string, rule func(string) error) {
	if value == "" {
		return
	}
	if err := rule(value); err != nil {
		s.add(s.line(table, key), "%s: %v", key, err)
	}
}

type mainFile struct {
	Keystore struct {
		Backend  string `toml:"backend"`
		Identity string `toml:"identity"`
	} `toml:"keystore"`
	Providers map[string]provider.Row `toml:"providers"`
}

// endpoints are the keys of explicit endpoints, as RFC 8414 names them.
type endpoints struct {
	Authorization string `toml:"authorization_endpoint,omitempty"`
	Token         string `toml:"token_endpoint,omitempty"`
	Device        string `toml:"device_authorization_endpoint,omitempty"`
	Revocation    string `toml:"revocation_endpoint,omitempty"`
	Userinfo      string `toml:"userinfo_endpoint,omitempty"`
	AuthMethod    string `toml:"token_endpoint_auth_method,omitempty"`
}

// check reports wrong endpoints; interactive is true where a person is sent to one.
func (e endpoints) check(s *source, table string, interactive bool) {
	s.check(table, "authorization_endpoint", e.Authorization, provider.CheckURL)
	s.check(table, "token_endpoint", e.Token, provider.CheckURL)
	s.check(table, "device_authorization_endpoint", e.Device, provider.CheckURL)
	s.check(table, "revocation_endpoint", e.Revocation, provider.CheckURL)
	s.check(table, "userinfo_endpoint", e.Userinfo, provider.CheckURL)
	if !slices.Contains([]string{"", "none", "client_secret_basic", "client_secret_post", "private_key_jwt"}, e.AuthMethod) {
		s.add(s.line(table, "token_endpoint_auth_method"),
			`token_endpoint_auth_method is "none", "client_secret_basic", "client_secret_post" or "private_key_jwt"`)
	}
	if interactive && (e.Authorization == "") != (e.Token == "") {
		s.add(cmp.Or(s.line(table, "authorization_endpoint"), s.line(table, "token_endpoint"), s.line(table, "")),
			"authorization_endpoint and token_endpoint go together")
	}
}

func (c *Config) loadMain(file string) []Mistake {
	s, ok := open(file)
	var m mainFile
	if !ok || !s.decode(&m) {
		return s.mistakes
	}
	switch m.Keystore.Backend {
	case "":
	case "keychain", "file", "memory":
		c.Backend = m.Keystore.Backend
	default:
		s.add(s.line("keystore", "backend"), `backend is "keychain", "file" or "memory"`)
	}
	if c.Identity = m.Keystore.Identity; c.Identity != "" && !filepath.IsAbs(c.Identity) {
		c.Identity = filepath.Join(filepath.Dir(file), c.Identity)
	}
	for name, row := range m.Providers {
		if s.checkProvider(name, row) {
			c.Providers[name] = row.Provider(name)
		}
	}
	slices.SortFunc(s.mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return s.mistakes
}

// checkProvider reports whether row, which is [providers.NAME], is right.
func (s *source) checkProvider(name string, row provider.Row) bool {
	table, before := "providers."+name, len(s.mistakes)
	if _, builtIn := provider.Lookup(name); builtIn {
		s.add(s.line(table, ""), "%s is a built-in provider; give yours another name", name)
	}
	line := func(key string) int {
		return cmp.Or(s.line(table, key), s.line(table+"."+key, ""), s.line(table, ""))
	}
	for _, mistake := range row.Check() {
		s.add(line(mistake.Key), "%s", mistake.Text)
	}
	for key, params := range map[string]map[string]string{
		"auth_params": row.AuthParams, "more_scopes_params": row.MoreScopesParams,
	} {
		for name, value := range params {
			if err := CheckAuthParam(name, value); err != nil {
				s.add(cmp.Or(s.line(table+"."+key, name), line(key)), "%s: %v", key, err)
			}
		}
	}
	if row.Issuer == "" && row.Token == "" {
		s.add(s.line(table, ""), "provider %s needs an issuer, or an authorization_endpoint and a token_endpoint", name)
	}
	return len(s.mistakes) == before
}

// reason words a file error without its path, which the mistake names already.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return "cannot be read: " + pathErr.Err.Error()
	}
	return "cannot be read: " + err.Error()
}
