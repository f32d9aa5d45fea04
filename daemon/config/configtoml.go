package config

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// defaultBackend is the store if the configuration names none.
const defaultBackend = "keychain"

// mainKeys are the keys of config.toml.
type mainKeys struct {
	OnEvent     []string `toml:"on_event"`
	OpenBrowser bool     `toml:"open_browser"`
	Metadata    string   `toml:"client_id_metadata"`
	Keystore    struct {
		Backend  string `toml:"backend"`
		Identity string `toml:"identity"`
		Seal     string `toml:"seal"`
	} `toml:"keystore"`
	OIDCAgent struct {
		Socket bool `toml:"socket"`
	} `toml:"oidc_agent"`
	Audit struct {
		Enabled  *bool `toml:"enabled"`
		Required bool  `toml:"required"`
	} `toml:"audit"`
	Lock      lockKeys                `toml:"lock"`
	Providers map[string]provider.Row `toml:"providers"`
}

// mainFile is config.toml as it was read.
type mainFile struct {
	snapshot
	seen     bool // it was looked for at all
	mistakes []Mistake
}

// readMain reads config.toml into c, and returns the names of the providers whose tables changed. If there are mistakes
// in the file, c stays as it was, unless this is the first reading, which takes what is right.
func (c *Config) readMain() (tables map[string]bool) {
	s, ok := openIn(c.dir, MainFile(c.dir))
	next := Config{Backend: defaultBackend, Audit: true, Providers: map[string]provider.Provider{}}
	var keys mainKeys
	if ok && s.decode(&keys) {
		next.takeMain(s, keys)
	}
	slices.SortStableFunc(s.mistakes, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	first := !c.main.seen
	c.main = mainFile{s.read, true, s.mistakes}
	if len(s.mistakes) > 0 && !first {
		return nil
	}
	tables = changedTables(c.Providers, next.Providers)
	c.Backend, c.Chosen, c.Identity, c.Seal, c.Providers = next.Backend, next.Chosen, next.Identity, next.Seal, next.Providers
	c.OnEvent, c.OpenBrowser, c.OIDCAgent = next.OnEvent, next.OpenBrowser, next.OIDCAgent
	c.Audit, c.AuditRequired, c.Locking = next.Audit, next.AuditRequired, next.Locking
	c.ClientIDMetadata = next.ClientIDMetadata
	return tables
}

// takeMain checks the keys of config.toml and takes those that are right.
func (c *Config) takeMain(s *source, keys mainKeys) {
	c.takeKeystore(s, keys)
	c.OnEvent, c.OpenBrowser, c.OIDCAgent = s.onEvent(keys.OnEvent), keys.OpenBrowser, keys.OIDCAgent.Socket
	s.check("", "client_id_metadata", keys.Metadata, provider.CheckClientIDMetadata)
	if provider.CheckClientIDMetadata(keys.Metadata) == nil {
		c.ClientIDMetadata = keys.Metadata
	}
	c.Audit, c.AuditRequired = keys.Audit.Enabled == nil || *keys.Audit.Enabled, keys.Audit.Required
	if c.AuditRequired && !c.Audit {
		s.add(s.line("audit", "required"), "audit.required needs audit.enabled, which is false")
	}
	c.takeLocking(s, keys.Lock)
	for _, name := range slices.Sorted(maps.Keys(keys.Providers)) {
		if row := keys.Providers[name]; s.checkProvider(name, row) {
			c.Providers[name] = row.Provider(name)
		}
	}
}

// takeKeystore takes [keystore].
func (c *Config) takeKeystore(s *source, keys mainKeys) {
	switch backend := keys.Keystore.Backend; backend {
	case "":
	case "keychain", "file", "memory":
		c.Backend, c.Chosen = backend, true
	default:
		s.add(s.line("keystore", "backend"), `backend is "keychain", "file" or "memory"`)
	}
	if c.Identity = keys.Keystore.Identity; c.Identity != "" && !filepath.IsAbs(c.Identity) {
		c.Identity = filepath.Join(filepath.Dir(s.file), c.Identity)
	}
	switch c.Seal = keys.Keystore.Seal; {
	case c.Seal != "" && c.Seal != SealSystemdCreds:
		s.add(s.line("keystore", "seal"), "seal is %q, or left out", SealSystemdCreds)
	case c.Seal != "" && c.Identity != "":
		s.add(s.line("keystore", "seal"), "seal and identity exclude each other: one key opens the file store")
	}
}

// onEvent checks the command for events and returns it, with a path that is relative to the file made absolute.
func (s *source) onEvent(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if argv[0] == "" {
		s.add(s.line("", "on_event"), `on_event is a command and its arguments, such as ["notify-send", "oauthd"]`)
		return nil
	}
	argv = slices.Clone(argv)
	if !filepath.IsAbs(argv[0]) && strings.ContainsAny(argv[0], `/\`) {
		argv[0] = filepath.Join(filepath.Dir(s.file), argv[0])
	}
	return argv
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
	for _, list := range []struct {
		key    string
		params map[string]string
	}{{"auth_params", row.AuthParams}, {"more_scopes_params", row.MoreScopesParams}} {
		for _, name := range slices.Sorted(maps.Keys(list.params)) {
			if err := CheckAuthParam(name, list.params[name]); err != nil {
				s.add(cmp.Or(s.line(table+"."+list.key, name), line(list.key)), "%s: %v", list.key, err)
			}
		}
	}
	if row.Issuer == "" && row.Endpoints.Token == "" {
		s.add(s.line(table, ""), "provider %s needs an issuer, or an authorization_endpoint and a token_endpoint", api.Excerpt(name))
	}
	return len(s.mistakes) == before
}
