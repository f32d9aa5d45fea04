package mint

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/config"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
	"oauthd/daemon/words"
	"oauthd/keystore"

	"github.com/rs/zerolog"
)

// tokenEndpoint is that of the stub's provider.
const tokenEndpoint = "https://login.example.com/token"

// stub is a Minter for the account work at the provider corp, whose token endpoint gives the answers that a test wants.
type stub struct {
	*Minter
	t        *testing.T
	provider provider.Provider
	account  account.Account
	store    keystore.Store
	// answers are given one after the other, the last one for good. forms are what was posted.
	answers []string
	forms   []url.Values
	clients []string // by HTTP Basic, as "client_id:secret"
	// document is the issuer's discovery document; "" for none. fetched counts how often it was asked for.
	document string
	fetched  int
}

// issuer has the stub's provider discovered.
func (s *stub) issuer() {
	s.provider = provider.Provider{Name: "corp", Row: provider.Row{Issuer: "https://login.example.com"}}
	s.document = `{"issuer":"https://login.example.com","authorization_endpoint":"https://login.example.com/authorize",` +
		`"token_endpoint":"` + tokenEndpoint + `","revocation_endpoint":"https://login.example.com/revoke"}`
}

// newStub makes one; a test changes provider and account before it calls start.
func newStub(t *testing.T, answers ...string) *stub {
	s := &stub{t: t, answers: answers, store: &keystore.Memory{}}
	s.provider = provider.Provider{Name: "corp"}
	s.provider.Endpoints = account.Endpoints{Token: tokenEndpoint, AuthMethod: "none"}
	s.account = account.Account{Name: "work", Provider: "corp", ClientID: "app", Grant: account.GrantAuthorizationCode}
	return s
}

func (s *stub) start() {
	v := vault.New(s.store)
	b := book.New(book.Config{
		Dir: s.t.TempDir(), Vault: v, Log: zerolog.Nop(), Now: time.Now, Changed: func(string, bool) {}, HTTP: &http.Client{Transport: s},
		Config: &config.Config{
			Providers: map[string]provider.Provider{"corp": s.provider}, Accounts: map[string]*account.Account{"work": &s.account},
		},
	})
	s.Minter = New(Config{
		Book: b, Vault: v, Grants: &grant.Client{HTTP: &http.Client{Transport: s}}, Store: words.Store{Backend: "file"},
		Log: zerolog.Nop(), Now: time.Now,
	})
}

// RoundTrip implements [http.RoundTripper].
func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet {
		s.fetched++
		if s.document == "" {
			return answer(http.StatusNotFound, "{}"), nil
		}
		return answer(http.StatusOK, s.document), nil
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	s.forms = append(s.forms, r.PostForm)
	if id, secret, ok := r.BasicAuth(); ok {
		s.clients = append(s.clients, id+":"+secret)
	}
	text := s.answers[min(len(s.forms), len(s.answers))-1]
	status := http.StatusOK
	if strings.Contains(text, `"error"`) {
		status = http.StatusBadRequest
	}
	return answer(status, text), nil
}

// save stores a credential of the account, which change makes different.
func (s *stub) save(change func(*account.Credential)) {
	s.t.Helper()
	c := account.Credential{
		TokenEndpoint: s.provider.Endpoints.Token, Issuer: s.provider.Issuer, ClientID: "app", AuthMethod: "none",
		RefreshToken: account.NewSecret("fake-refresh-token"), LoggedInAt: time.Now(),
	}
	change(&c)
	if err := s.vault.Save(s.t.Context(), "work", c); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stub) stored() account.Credential {
	s.t.Helper()
	c, err := s.vault.Load(s.t.Context(), "work")
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// minted asks for a token, which is not to fail.
func (s *stub) minted(key token.Key) account.Token {
	s.t.Helper()
	key.Account = "work"
	tok, err := s.Mint(s.t.Context(), key)
	if err != nil {
		s.t.Fatalf("got %v, want a token", err)
	}
	return tok
}

// asked returns what the requests said under name.
func (s *stub) asked(name string) []string {
	var all []string
	for _, form := range s.forms {
		all = append(all, form.Get(name))
	}
	return all
}

// wantAsked checks what the requests said under name.
func (s *stub) wantAsked(name string, want ...string) {
	s.t.Helper()
	if got := s.asked(name); !slices.Equal(got, want) {
		s.t.Errorf("%s of the requests: got %q, want %q", name, got, want)
	}
}
