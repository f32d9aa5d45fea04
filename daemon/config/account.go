package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"

	"github.com/pelletier/go-toml/v2"
)

// header marks a file as the daemon's own. A file without it is a person's and is never rewritten.
const header = "# Written by oauthd, and rewritten whole at every login; without this line the file is yours and stays as it is.\n"

type accountFile struct {
	Provider      string `toml:"provider,omitempty"`
	Tenant        string `toml:"tenant,omitempty"`
	Issuer        string `toml:"issuer,omitempty"`
	ClientSecrets string `toml:"client_secrets,omitempty"`
	ClientID      string `toml:"client_id,omitempty"`
	endpoints
	Scopes        []string          `toml:"scopes,omitempty"`
	Grant         string            `toml:"grant,omitempty"`
	RedirectURI   string            `toml:"redirect_uri,omitempty"`
	RedirectPorts []int             `toml:"redirect_ports,omitempty"`
	Resource      string            `toml:"resource,omitempty"`
	AuthParams    map[string]string `toml:"auth_params,omitempty,inline"`
	KeyFile       string            `toml:"key_file,omitempty"`
	KeyID         string            `toml:"key_id,omitempty"`
	Subject       string            `toml:"subject,omitempty"`
	Audience      string            `toml:"audience,omitempty"`
	Sources       []string          `toml:"credential_sources,omitempty"`
}

func (c *Config) loadAccount(file, name string) (account.Account, []Mistake) {
	s, ok := open(file)
	var f accountFile
	if !ok || !s.decode(&f) {
		return account.Account{}, s.mistakes
	}
	a := account.Account{
		Name:          name,
		Provider:      f.Provider,
		Tenant:        f.Tenant,
		Issuer:        f.Issuer,
		Endpoints:     account.Endpoints(f.endpoints),
		ClientID:      f.ClientID,
		Scopes:        f.Scopes,
		Grant:         cmp.Or(account.Grant(f.Grant), account.GrantAuthorizationCode),
		Resource:      f.Resource,
		AuthParams:    f.AuthParams,
		RedirectURI:   f.RedirectURI,
		RedirectPorts: f.RedirectPorts,
		KeyFile:       f.KeyFile,
		KeyID:         f.KeyID,
		Subject:       f.Subject,
		Audience:      f.Audience,
		File:          file,
		Managed:       bytes.HasPrefix(s.text, []byte(header)),

		CredentialSources: f.Sources,
	}
	if a.KeyFile != "" && !filepath.IsAbs(a.KeyFile) {
		a.KeyFile = filepath.Join(filepath.Dir(file), a.KeyFile)
	}
	if f.Provider != "" && !c.knows(f.Provider) {
		s.add(s.line("", "provider"), "unknown provider %q; oauthd providers lists the built-in ones, others are [providers.%s] in config.toml",
			f.Provider, f.Provider)
	}
	c.checkTenant(s, f)
	s.check("", "issuer", f.Issuer, provider.CheckIssuer)
	f.check(s, "", a.Grant.Interactive())
	f.checkMachine(s, a.Grant)
	s.check("", "grant", f.Grant, CheckGrant)
	s.check("", "resource", f.Resource, CheckResource)
	s.check("", "redirect_uri", f.RedirectURI, CheckRedirectURI)
	for _, port := range f.RedirectPorts {
		if port < 1 || port > 65535 {
			s.add(s.line("", "redirect_ports"), "redirect_ports: %d is no port", port)
		}
	}
	for key, value := range f.AuthParams {
		if err := CheckAuthParam(key, value); err != nil {
			line := s.line("", "auth_params")
			if line == 0 {
				line = s.line("auth_params", key)
			}
			s.add(line, "auth_params: %v", err)
		}
	}
	if f.ClientSecrets != "" {
		c.readClientSecrets(s, f.ClientSecrets, &a)
	}
	if len(s.mistakes) == 0 && a.Grant.HasClient() {
		if a.ClientID == "" && !c.MayRegister(a) {
			s.add(0, "the account has no client: set client_secrets or client_id")
		}
		if a.Provider == "" && a.Issuer == "" && a.Endpoints.Token == "" {
			s.add(0, "the account has no provider: set provider or issuer")
		}
	}
	return a, s.mistakes
}

// checkTenant reports a tenant that the provider cannot have, or lacks.
func (c *Config) checkTenant(s *source, f accountFile) {
	p, ok := provider.Lookup(f.Provider)
	if !ok {
		p, ok = c.Providers[f.Provider]
	}
	switch {
	case ok:
		if _, err := p.ForTenant(f.Tenant); err != nil {
			s.add(cmp.Or(s.line("", "tenant"), s.line("", "provider")), "%v", err)
		}
	case f.Tenant != "" && f.Provider == "":
		s.add(s.line("", "tenant"), "a tenant is one of a provider, and the account names none")
	}
}

// MayRegister reports whether a's client may be one that its issuer registers (RFC 7591), so that it needs no client id.
func (c *Config) MayRegister(a account.Account) bool {
	return a.Grant.Interactive() && (a.Issuer != "" || c.Providers[a.Provider].Issuer != "")
}

// checkMachine reports keys that have no meaning with grant.
func (f accountFile) checkMachine(s *source, grant account.Grant) {
	only := func(key, value string, reason string, allowed ...account.Grant) {
		if value != "" && !slices.Contains(allowed, grant) {
			s.add(s.line("", key), "%s %s", key, reason)
		}
	}
	only("subject", f.Subject, `is for grant = "service_account"`, account.GrantServiceAccount)
	only("audience", f.Audience, "is for grants without a person; for others a provider's own parameter goes into auth_params",
		account.GrantClientCredentials, account.GrantServiceAccount, account.GrantADC)
	only("credential_sources", strings.Join(f.Sources, ""), `is for grant = "adc"`, account.GrantADC)
	for _, kind := range f.Sources {
		if kind != "executable" && kind != "url" {
			s.add(s.line("", "credential_sources"), `credential_sources: %q is neither "executable" nor "url"`, kind)
		}
	}
	if f.KeyID != "" && f.KeyFile == "" {
		s.add(s.line("", "key_id"), "key_id names the key in key_file, which is not set")
	}
	if grant == account.GrantServiceAccount && f.Audience != "" && len(f.Scopes) > 0 {
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

func (c *Config) readClientSecrets(s *source, path string, a *account.Account) {
	line := s.line("", "client_secrets")
	if !filepath.IsAbs(path) {
		path = filepath.Join(filepath.Dir(s.file), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.add(line, "client_secrets %s %s", path, reason(err))
		return
	}
	secrets, err := provider.ParseClientSecrets(text)
	if err != nil {
		s.add(line, "client_secrets %s: %v", path, err)
		return
	}
	if a.ClientID != "" && a.ClientID != secrets.ClientID {
		s.add(line, "client_secrets %s is of another client than client_id", path)
		return
	}
	if err := ApplyClientSecrets(a, secrets); err != nil {
		s.add(line, "client_secrets %s: %v", path, err)
	}
}

// ApplyClientSecrets sets a's client from a client_secrets file and, where a names no provider, the provider too. A
// web client brings its registered loopback redirect URI, unless a has one.
func ApplyClientSecrets(a *account.Account, secrets provider.ClientSecrets) error {
	p, err := secrets.Provider()
	switch {
	case a.Provider == "" && a.Issuer == "" && a.Endpoints.Token == "":
		if err != nil {
			return err
		}
		if _, builtIn := provider.Lookup(p.Name); builtIn {
			a.Provider = p.Name
		} else {
			a.Endpoints = p.Endpoints
		}
	case err == nil && a.Provider != "" && a.Provider != p.Name:
		if _, builtIn := provider.Lookup(p.Name); builtIn {
			return fmt.Errorf("the file is a client of %s, the account's provider is %s", p.Name, a.Provider)
		}
	}
	a.ClientID, a.ClientSecret = secrets.ClientID, secrets.ClientSecret
	if secrets.Kind == "web" && a.RedirectURI == "" {
		usable := secrets.LoopbackRedirects()
		if len(usable) == 0 {
			return errors.New("this web client has no loopback redirect URI registered; add http://127.0.0.1:PORT/callback at the provider, or make a desktop client")
		}
		a.RedirectURI = usable[0]
	}
	return nil
}

// CheckRedirectURI returns what is wrong with a loopback redirect URI, or nil. It is http, its host is 127.0.0.1,
// [::1] or localhost, and a missing port means a free one (RFC 8252 §7.3).
func CheckRedirectURI(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("must be http:// or https://, to this machine: a loopback redirect URI")
	case u.Hostname() != "127.0.0.1" && u.Hostname() != "::1" && u.Hostname() != "localhost":
		return errors.New("its host must be 127.0.0.1, [::1] or localhost")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must have no user, query or fragment")
	case u.Port() != "" || strings.HasSuffix(u.Host, ":"):
		if port, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || port == 0 {
			return errors.New("its port must be from 1 to 65535")
		}
	}
	return nil
}

// CheckAuthParam refuses the parameters of the authorization request that oauthd sets itself, and a response_mode that
// a redirect server cannot receive.
func CheckAuthParam(key, value string) error {
	switch key {
	case "":
		return errors.New("a parameter needs a name")
	case "state", "nonce", "redirect_uri", "client_id", "response_type", "code_challenge",
		"code_challenge_method", "scope", "request", "request_uri":
		return fmt.Errorf("%s is set by oauthd itself", key)
	case "response_mode":
		if value != "query" && value != "form_post" {
			return errors.New("response_mode is query or form_post")
		}
	}
	return nil
}

// CheckGrant refuses what is no grant.
func CheckGrant(grant string) error {
	if slices.Contains(account.Grants(), account.Grant(grant)) {
		return nil
	}
	return fmt.Errorf("there is no %q; it is one of %q", grant, account.Grants())
}

// CheckResource refuses what is no resource indicator: an absolute URI without fragment (RFC 8707 §2).
func CheckResource(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || !u.IsAbs() || strings.Contains(raw, "#") {
		return errors.New("must be an absolute URI without a fragment")
	}
	return nil
}

// Encode returns the text of a's file without the header.
func Encode(a account.Account) ([]byte, error) {
	text, err := toml.Marshal(accountFile{
		Provider:      a.Provider,
		Tenant:        a.Tenant,
		Issuer:        a.Issuer,
		ClientID:      a.ClientID,
		endpoints:     endpoints(a.Endpoints),
		Scopes:        a.Scopes,
		Grant:         string(a.Grant),
		RedirectURI:   a.RedirectURI,
		RedirectPorts: a.RedirectPorts,
		Resource:      a.Resource,
		AuthParams:    a.AuthParams,
		KeyFile:       a.KeyFile,
		KeyID:         a.KeyID,
		Subject:       a.Subject,
		Audience:      a.Audience,
		Sources:       a.CredentialSources,
	})
	if err != nil {
		return nil, fmt.Errorf("config: encode %s: %w", a.Name, err)
	}
	return text, nil
}

// WriteAccount writes a's file in dir, replacing the daemon's own, and returns its path. It does not look whether an
// existing file is a person's; the caller has.
func WriteAccount(dir string, a account.Account) (string, error) {
	text, err := Encode(a)
	if err != nil {
		return "", err
	}
	file := AccountFile(dir, a.Name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("config: %w", err)
	}
	if err := replaceFile(file, append([]byte(header), text...)); err != nil {
		return "", fmt.Errorf("config: write %s: %w", file, err)
	}
	return file, nil
}

// RemoveAccount removes an account's file; a missing one is no error.
func RemoveAccount(dir, name string) error {
	if err := os.Remove(AccountFile(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config: %w", err)
	}
	return nil
}

// replaceFile writes data beside file, syncs, and renames, so that file is always whole.
func replaceFile(file string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".tmp-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}
