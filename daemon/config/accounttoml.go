package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
	"oauthd/ipc/match"
)

// accountKeys are the keys of an account's file.
type accountKeys struct {
	Provider      string `toml:"provider,omitempty"`
	Tenant        string `toml:"tenant,omitempty"`
	Issuer        string `toml:"issuer,omitempty"`
	ClientSecrets string `toml:"client_secrets,omitempty"`
	ClientID      string `toml:"client_id,omitempty"`
	Metadata      string `toml:"client_id_metadata,omitempty"`
	account.Endpoints
	Scopes        []string          `toml:"scopes,omitempty"`
	Grant         string            `toml:"grant,omitempty"`
	RedirectURI   string            `toml:"redirect_uri,omitempty"`
	RedirectPorts []int             `toml:"redirect_ports,omitempty"`
	Resource      string            `toml:"resource,omitempty"`
	DPoP          bool              `toml:"dpop,omitempty"`
	TokenExchange bool              `toml:"token_exchange,omitempty"`
	Via           string            `toml:"via,omitempty"`
	AuthParams    map[string]string `toml:"auth_params,omitempty,inline"`
	KeyFile       string            `toml:"key_file,omitempty"`
	KeyID         string            `toml:"key_id,omitempty"`
	Subject       string            `toml:"subject,omitempty"`
	Audience      string            `toml:"audience,omitempty"`
	Sources       []string          `toml:"credential_sources,omitempty"`
	Hosts         []string          `toml:"hosts,omitempty"`
	Confirm       string            `toml:"confirm,omitempty"`
	Allow         []ruleKeys        `toml:"allow,omitempty"`
	Deny          []ruleKeys        `toml:"deny,omitempty"`
	Sockets       []socketKeys      `toml:"socket,omitempty"`
}

// accountFile is an account's file as it was read.
type accountFile struct {
	snapshot
	// provider is the one it names. The file is read again if that one's table in config.toml changes.
	provider string
	// through is the account if it has a via, and throughLine is the line that says so.
	through     *account.Account
	throughLine int
	// secrets is the client_secrets file it names, and secretsRead how that was read.
	secrets     string
	secretsRead snapshot
	mistakes    []Mistake
}

// current reports whether a file that is in state now, and the client_secrets file that it names, need not be read again.
func (f *accountFile) current(now state) bool {
	return f.snapshot.current(now) && (f.secrets == "" || f.secretsRead.current(stateAt(f.secrets)))
}

// readAccount reads the file of the account of that name. f is nil if there is none, a if there are mistakes in it.
func (c *Config) readAccount(name string) (f *accountFile, a *account.Account) {
	file := AccountFile(c.dir, name)
	if err := account.CheckName(name); err != nil {
		return &accountFile{snapshot: snapshot{stateAt(file), true}, mistakes: []Mistake{{File: file, Text: err.Error()}}}, nil
	}
	s, ok := open(file)
	if !ok && len(s.mistakes) == 0 {
		return nil, nil
	}
	f = &accountFile{snapshot: s.read}
	var keys accountKeys
	if ok && s.decode(&keys) {
		f.provider = keys.Provider
		read := keys.account(s, name)
		c.checkKeys(s, keys, read.Grant)
		if keys.ClientSecrets != "" {
			f.secrets = beside(file, keys.ClientSecrets)
			f.secretsRead = s.readClientSecrets(f.secrets, &read)
		}
		c.checkWhole(s, read)
		if len(s.mistakes) == 0 {
			a = &read
		}
		if a != nil && a.Via != "" {
			f.through, f.throughLine = a, s.line("", "via")
		}
	}
	f.mistakes = s.mistakes
	return f, a
}

// beside returns path, which is relative to the directory of file if it is not absolute.
func beside(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// account is what the keys say, before anything is checked.
func (k accountKeys) account(s *source, name string) account.Account {
	return account.Account{
		Name:          name,
		Provider:      k.Provider,
		Tenant:        k.Tenant,
		Issuer:        k.Issuer,
		Endpoints:     k.Endpoints,
		ClientID:      k.ClientID,
		Scopes:        account.Scopes(k.Scopes...),
		Grant:         k.grant(),
		Resource:      k.Resource,
		DPoP:          k.DPoP,
		TokenExchange: k.TokenExchange,
		Via:           k.Via,
		AuthParams:    k.AuthParams,
		RedirectURI:   k.RedirectURI,
		RedirectPorts: k.RedirectPorts,
		KeyFile:       beside(s.file, k.KeyFile),
		KeyID:         k.KeyID,
		Subject:       k.Subject,
		Audience:      k.Audience,
		Hosts:         k.Hosts,
		Policy:        k.policy(s),
		Sockets:       k.sockets(s, name),
		File:          s.file,
		Managed:       bytes.HasPrefix(s.text, []byte(header)),

		CredentialSources: k.Sources,
		ClientIDMetadata:  k.Metadata,
	}
}

// checkKeys reports what is wrong with each key.
func (c *Config) checkKeys(s *source, k accountKeys, grant account.Grant) {
	if k.Provider != "" && !c.knows(k.Provider) {
		s.add(s.line("", "provider"), "unknown provider %q; oauthd providers lists the built-in ones, others are [providers.%s] in config.toml",
			api.Excerpt(k.Provider), api.Excerpt(k.Provider))
	}
	c.checkTenant(s, k)
	s.check("", "issuer", k.Issuer, provider.CheckIssuer)
	s.checkEndpoints(k.Endpoints, grant.Interactive())
	k.checkMetadata(s, grant)
	k.checkMachine(s, grant)
	s.check("", "grant", k.Grant, CheckGrant)
	s.check("", "resource", k.Resource, CheckResource)
	s.check("", "redirect_uri", k.RedirectURI, CheckRedirectURI)
	for _, scope := range account.Scopes(k.Scopes...) {
		s.check("", "scopes", scope, account.CheckScope)
	}
	for _, pattern := range k.Hosts {
		s.check("", "hosts", pattern, checkHost)
	}
	for _, port := range k.RedirectPorts {
		if port < 1 || port > 65535 {
			s.add(s.line("", "redirect_ports"), "redirect_ports: %d is not a port", port)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(k.AuthParams)) {
		if err := CheckAuthParam(key, k.AuthParams[key]); err != nil {
			s.add(cmp.Or(s.line("", "auth_params"), s.line("auth_params", key)), "auth_params: %v", err)
		}
	}
}

// checkHost reports what is wrong with a pattern of a place where tokens may be used.
func checkHost(text string) error {
	if _, err := match.ParsePattern(text); err != nil {
		return fmt.Errorf("%q %w", api.Excerpt(text), err)
	}
	return nil
}

// checkEndpoints reports wrong endpoints of an account; interactive is true if a person is sent to one.
func (s *source) checkEndpoints(e account.Endpoints, interactive bool) {
	s.check("", "authorization_endpoint", e.Authorization, provider.CheckURL)
	s.check("", "token_endpoint", e.Token, provider.CheckURL)
	s.check("", "device_authorization_endpoint", e.Device, provider.CheckURL)
	s.check("", "revocation_endpoint", e.Revocation, provider.CheckURL)
	s.check("", "userinfo_endpoint", e.Userinfo, provider.CheckURL)
	if !slices.Contains([]string{"", "none", "client_secret_basic", "client_secret_post", "private_key_jwt"}, e.AuthMethod) {
		s.add(s.line("", "token_endpoint_auth_method"),
			`token_endpoint_auth_method is "none", "client_secret_basic", "client_secret_post" or "private_key_jwt"`)
	}
	if interactive && (e.Authorization == "") != (e.Token == "") {
		s.add(cmp.Or(s.line("", "authorization_endpoint"), s.line("", "token_endpoint")),
			"authorization_endpoint and token_endpoint go together")
	}
}

// checkWhole reports what a still lacks once its client_secrets file has been read.
func (c *Config) checkWhole(s *source, a account.Account) {
	if len(s.mistakes) > 0 || !a.Grant.HasClient() {
		return
	}
	if a.ClientID == "" && !c.MayRegister(a) {
		s.add(0, "the account has no client: set client_secrets or client_id")
	}
	if a.Provider == "" && a.Issuer == "" && a.Endpoints.Token == "" {
		s.add(0, "the account has no provider: set provider or issuer")
	}
}

// checkTenant reports a tenant that the provider cannot have, or lacks.
func (c *Config) checkTenant(s *source, k accountKeys) {
	p, ok := provider.Lookup(k.Provider)
	if !ok {
		p, ok = c.Providers[k.Provider]
	}
	switch {
	case ok:
		if _, err := p.ForTenant(k.Tenant); err != nil {
			s.add(cmp.Or(s.line("", "tenant"), s.line("", "provider")), "%v", err)
		}
	case k.Tenant != "" && k.Provider == "":
		s.add(s.line("", "tenant"), "a tenant belongs to a provider, and the account names no provider")
	}
}

// MayRegister reports whether the issuer may register a client for a (RFC 7591), so that a needs no client id.
func (c *Config) MayRegister(a account.Account) bool {
	return a.Grant.Interactive() && (a.Issuer != "" || c.Providers[a.Provider].Issuer != "")
}

// checkMetadata reports a client id metadata document that is none, or that the account has no use for.
func (k accountKeys) checkMetadata(s *source, grant account.Grant) {
	s.check("", "client_id_metadata", k.Metadata, provider.CheckClientIDMetadata)
	switch line := s.line("", "client_id_metadata"); {
	case k.Metadata == "":
	case k.ClientID != "" || k.ClientSecrets != "":
		s.add(line, "client_id_metadata is for an account without client_id and client_secrets; keep one")
	case !grant.Interactive():
		s.add(line, "client_id_metadata is for grants with a person")
	}
}

// checkMachine reports keys that mean nothing with grant.
func (k accountKeys) checkMachine(s *source, grant account.Grant) {
	only := func(key, value string, reason string, allowed ...account.Grant) {
		if value != "" && !slices.Contains(allowed, grant) {
			s.add(s.line("", key), "%s %s", key, reason)
		}
	}
	only("subject", k.Subject, `is for grant = "service_account"`, account.GrantServiceAccount)
	only("audience", k.Audience, "is for grants without a person; for others a provider's own parameter goes into auth_params",
		account.GrantClientCredentials, account.GrantServiceAccount, account.GrantADC)
	only("credential_sources", strings.Join(k.Sources, ""), `is for grant = "adc"`, account.GrantADC)
	for _, kind := range k.Sources {
		if kind != "executable" && kind != "url" {
			s.add(s.line("", "credential_sources"), `credential_sources: %q is neither "executable" nor "url"`, api.Excerpt(kind))
		}
	}
	if k.DPoP && !grant.HasClient() {
		s.add(s.line("", "dpop"), "dpop is for grants with a client of one's own; Google's tokens are bearer tokens")
	}
	k.checkExchange(s, grant)
	if k.KeyID != "" && k.KeyFile == "" {
		s.add(s.line("", "key_id"), "key_id names the key in key_file, which is not set")
	}
	if grant == account.GrantServiceAccount && k.Audience != "" && len(k.Scopes) > 0 {
		s.add(s.line("", "audience"), "a service account's token is for scopes or for an audience; keep one")
	}
}

func (c *Config) knows(name string) bool {
	if _, ok := c.Providers[name]; ok {
		return true
	}
	_, ok := provider.Lookup(name)
	return ok
}
