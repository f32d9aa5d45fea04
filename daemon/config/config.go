// Package config reads what a person configured, config.toml and accounts/NAME.toml, strictly: an unknown key is a
// mistake, and all mistakes are reported together, each with its file and line. A [Reader] reads again only the files
// that changed. The package also writes account files, always whole.
package config

import (
	"context"
	"maps"
	"path/filepath"
	"reflect"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
)

// Config is what the files say. It never changes: a later reading makes a new one, which shares with this one whatever
// stayed the same.
type Config struct {
	// Backend is the store: "keychain", "file" or "memory".
	Backend string
	// Chosen is true if config.toml names the backend.
	Chosen bool
	// Identity is the path of the age identities that open the file store; "" for a passphrase.
	Identity string
	// Seal is what encrypts the file store's key for this machine: "" for nothing, or [SealSystemdCreds].
	Seal string
	// OnEvent is the command to run when something happens to an account; nil for none. OpenBrowser is true if the browser
	// may be opened for a login without asking first.
	OnEvent     []string
	OpenBrowser bool
	// ClientIDMetadata is the URL of the document that describes the person's client to servers which take such; "" for none.
	ClientIDMetadata string
	// OIDCAgent is true if oidc-agent's clients get a socket of their own.
	OIDCAgent bool
	// Audit is true if an audit log is written, AuditRequired if no token is handed out without it.
	Audit, AuditRequired bool
	// Locking says when the daemon locks by itself.
	Locking Locking
	// Providers are the [providers.*] tables. One with an issuer alone has to be discovered.
	Providers map[string]provider.Provider
	// Accounts are the accounts by name. Do not change them.
	Accounts map[string]*account.Account

	through map[string][]string // the accounts that have their tokens via one, sorted
	dir     string
	edition uint64 // counts the configurations of one Reader
	main    mainFile
	files   map[string]*accountFile // by the name before .toml
	listing *Mistake                // why accounts/ could not be listed; nil if it could
	invalid *Invalid
}

// MainFile returns the path of config.toml in dir.
func MainFile(dir string) string { return filepath.Join(dir, "config.toml") }

// AccountFile returns the path of an account's file in dir.
func AccountFile(dir, name string) string { return filepath.Join(dir, "accounts", name+".toml") }

// Load reads the configuration in dir once; a missing file or directory is an empty one. The error is an [*Invalid].
// The Config is never nil and holds all that is right, so that one bad account file costs one account.
func Load(dir string) (*Config, error) {
	c, err := NewReader(dir, nil).Read(context.Background())
	if err != nil {
		return nil, err
	}
	return c, c.Err()
}

// LoadMain is [Load] for config.toml alone: there are no accounts, and nothing of what is wrong.
func LoadMain(dir string) *Config {
	c := &Config{dir: dir}
	c.readMain()
	return c
}

// Err returns everything that is wrong in the files, as an [*Invalid], or nil.
func (c *Config) Err() error {
	if c.invalid == nil {
		return nil
	}
	return c.invalid
}

// OlderThan reports whether c is what a [Reader] found before it found other.
func (c *Config) OlderThan(other *Config) bool { return c.edition < other.edition }

// Account returns the account of that name.
func (c *Config) Account(name string) (account.Account, bool) {
	a, ok := c.Accounts[name]
	if !ok {
		return account.Account{}, false
	}
	return *a, true
}

// Through returns the names of the accounts that have their tokens via the account of that name, sorted.
func (c *Config) Through(name string) []string { return c.through[name] }

// Names returns the names of the accounts, sorted.
func (c *Config) Names() []string { return slices.Sorted(maps.Keys(c.Accounts)) }

// Sockets returns the restricted sockets that the accounts' files name, in no order.
func (c *Config) Sockets() (all []account.Socket) {
	for _, a := range c.Accounts {
		all = append(all, a.Sockets...)
	}
	return all
}

// Changed returns the names of the accounts that only one of c and before has, and of those that differ, either in their own
// file or in the table of config.toml that describes their provider. They are sorted. An account whose file was not read in
// between costs next to nothing.
func (c *Config) Changed(before *Config) []string {
	if c == before {
		return nil
	}
	var names []string
	tables := changedTables(before.Providers, c.Providers)
	for name, a := range c.Accounts {
		was, ok := before.Accounts[name]
		if !ok || tables[a.Provider] || a != was && !reflect.DeepEqual(a, was) {
			names = append(names, name)
		}
	}
	for name := range before.Accounts {
		if _, ok := c.Accounts[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// changedTables returns the names of the providers that only one of the two has, or that differ.
func changedTables(before, after map[string]provider.Provider) map[string]bool {
	changed := map[string]bool{}
	for name, p := range after {
		if was, ok := before[name]; !ok || !reflect.DeepEqual(was, p) {
			changed[name] = true
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			changed[name] = true
		}
	}
	return changed
}

// Stale reports whether name's file or config.toml changed since c was read, so that reading again may say something else
// about name. It looks only at these two files, however many accounts there are, and reads neither.
func (c *Config) Stale(name string) bool {
	if account.CheckName(name) != nil {
		return false
	}
	f := c.files[name]
	return c.listing != nil || !c.main.current(stateAt(MainFile(c.dir))) ||
		f == nil && stateAt(AccountFile(c.dir, name)) != state{} ||
		f != nil && !f.current(stateAt(AccountFile(c.dir, name)))
}
