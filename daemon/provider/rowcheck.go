package provider

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
	"oauthd/ipc/match"
)

// Mistake is one wrong value of a [Row].
type Mistake struct {
	// Key is the key of the value; "" if the mistake is about the row as a whole.
	Key string
	// Text says what is wrong, and names the key.
	Text string
}

// mistakes collects them.
type mistakes []Mistake

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, Mistake{key, fmt.Sprintf(format, args...)})
}

// rule reports a value that check refuses. The value "" means that the key is not set.
func (m *mistakes) rule(key, value string, check func(string) error) {
	if value == "" {
		return
	}
	if err := check(value); err != nil {
		m.add(key, "%s: %v", key, err)
	}
}

// oneOf reports a value that is not one of words. The value "" means that the key is not set.
func (m *mistakes) oneOf(key, value string, words ...string) {
	if value == "" || slices.Contains(words, value) {
		return
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	last := len(quoted) - 1
	m.add(key, "%s is %s or %s", key, strings.Join(quoted[:last], ", "), quoted[last])
}

// Check returns what is wrong with r; nil if it is right.
func (r Row) Check() []Mistake {
	var m mistakes
	r.checkTenant(&m)
	r.checkURLs(&m)
	r.checkRules(&m)
	r.checkScopes(&m)
	for _, pattern := range r.Hosts {
		m.rule("hosts", pattern, func(text string) error { _, err := match.ParsePattern(text); return err })
	}
	return m
}

func (r Row) checkTenant(m *mistakes) {
	switch has := r.hasTenant(); {
	case !has && r.Tenant != "":
		m.add("tenant", "tenant: no URL has a place for it; write %s there", tenantPlace)
	case !has && r.TenantHint != "":
		m.add("tenant_hint", "tenant_hint: no URL has a place for a tenant; write %s there", tenantPlace)
	case has && r.Tenant == "" && r.TenantHint == "":
		m.add("", "URLs with %s need a tenant, or a tenant_hint that says what to give", tenantPlace)
	}
}

// checkURLs checks them with a tenant filled in.
func (r Row) checkURLs(m *mistakes) {
	for _, u := range r.urls() {
		rule := CheckURL
		if u.key == "issuer" {
			rule = CheckIssuer
		}
		if u.key == "issuer_template" {
			rule = checkTemplate
		}
		m.rule(u.key, *u.at, func(raw string) error {
			tenant := r.Tenant
			if tenant == "" {
				tenant = "tenant"
			}
			filled, err := fill(raw, tenant)
			if err != nil {
				return err
			}
			return rule(filled)
		})
	}
	m.rule("registration_url", r.RegistrationURL, checkPage)
	m.rule("docs_url", r.DocsURL, checkPage)
	switch {
	case r.Endpoints.Token == "" && r.Endpoints.Authorization != "":
		m.add("authorization_endpoint", "authorization_endpoint and token_endpoint go together")
	case r.Endpoints.Token != "" && r.Endpoints.Authorization == "":
		m.add("token_endpoint", "authorization_endpoint and token_endpoint go together")
	}
	if r.RequirePAR && r.PushedAuthorizationEndpoint == "" && r.Endpoints.Token != "" {
		m.add("require_pushed_authorization_requests",
			"require_pushed_authorization_requests needs a pushed_authorization_request_endpoint")
	}
	if r.RequireIss && r.Issuer == "" {
		m.add("authorization_response_iss_parameter_supported",
			"authorization_response_iss_parameter_supported needs an issuer to compare with")
	}
	for _, alg := range r.IDTokenAlgorithms {
		if !slices.Contains(Asymmetric(), alg) {
			m.add("id_token_signing_alg_values_supported",
				"id_token_signing_alg_values_supported: %q is not one of %s", api.Excerpt(alg), strings.Join(Asymmetric(), ", "))
		}
	}
}

// checkPage refuses what is not the address of a page that a person can open. It may have a fragment, unlike an
// endpoint.
func checkPage(raw string) error {
	address, _, _ := strings.Cut(raw, "#")
	return CheckURL(address)
}

func checkTemplate(raw string) error {
	before, after, ok := strings.Cut(raw, tenantMark)
	if !ok {
		return errors.New("must have " + tenantMark + " in it")
	}
	return CheckIssuer(before + after)
}

func (r Row) checkRules(m *mistakes) {
	m.oneOf("token_endpoint_auth_method", r.Endpoints.AuthMethod,
		string(AuthNone), string(AuthBasic), string(AuthPost), string(AuthPrivateKeyJWT))
	m.oneOf("redirect_host", r.RedirectHost, "127.0.0.1", "[::1]", "localhost")
	m.rule("redirect_path", r.RedirectPath, checkPath)
	m.oneOf("redirect_port", r.RedirectPort, api.RedirectPortAny, api.RedirectPortFixed)
	m.oneOf("rotation", r.Rotation, RotationStatic, RotationRotating, RotationNone)
	m.oneOf("narrowing", r.Narrowing, NarrowNone, NarrowRefresh, NarrowExchange)
	m.oneOf("revocation_form", r.RevocationForm,
		rfc7009, string(RevokeGitHub), string(RevokeBearer), string(RevokeBearerForm))
	m.rule("idle_limit", string(r.IdleLimit), func(string) error { return r.IdleLimit.Check() })
	m.rule("token_lifetime", string(r.TokenLifetime), func(string) error { return r.TokenLifetime.Check() })
	if r.EmptySecret && r.Endpoints.AuthMethod != string(AuthBasic) {
		m.add("empty_secret", `empty_secret is for token_endpoint_auth_method = "client_secret_basic"`)
	}
	if r.RevocationForm != "" && r.Endpoints.Revocation == "" && r.Endpoints.Token != "" {
		m.add("revocation_form", "revocation_form needs a revocation_endpoint")
	}
}

func (r Row) checkScopes(m *mistakes) {
	m.rule("scope_parameter", r.ScopeParameter, checkParameter)
	m.rule("scope_separator", r.ScopeSeparator, checkSeparator)
	m.rule("request_scope_separator", r.RequestScopeSeparator, checkSeparator)
	for _, list := range []struct {
		key    string
		scopes []string
	}{
		{"default_scopes", r.DefaultScopes}, {"scopes_not_echoed", r.ScopesNotEchoed}, {"offline_scope", []string{r.OfflineScope}},
	} {
		for _, scope := range list.scopes {
			m.rule(list.key, scope, account.CheckScope)
		}
	}
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, notInURL) || strings.ContainsAny(path, "?#%") {
		return errors.New("must begin with a slash, and have no query, fragment or percent sign")
	}
	return nil
}

// checkParameter refuses the parameters of the authorization request that have another use.
func checkParameter(name string) error {
	taken := []string{"state", "nonce", "redirect_uri", "client_id", "response_type", "response_mode", "code_challenge",
		"code_challenge_method", "resource", "request", "request_uri"}
	odd := func(r rune) bool {
		return r != '_' && r != '-' && r != '.' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	}
	switch {
	case slices.Contains(taken, name):
		return errors.New("that parameter has another use")
	case strings.ContainsFunc(name, odd):
		return errors.New("must be the name of a parameter")
	}
	return nil
}

func checkSeparator(separator string) error {
	if len(separator) != 1 || separator[0] < ' ' || separator[0] > '~' {
		return errors.New("must be one character")
	}
	return nil
}
