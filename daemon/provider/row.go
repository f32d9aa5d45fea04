package provider

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/account"
)

// Row is one provider as the built-in table and [providers.NAME] of config.toml write it. What its keys mean is said at
// the fields of [Provider]; URLs may have {tenant} in them. Missing keys are zero.
type Row struct {
	Title      string `toml:"title"`
	Note       string `toml:"note"`
	Tenant     string `toml:"tenant"`
	TenantHint string `toml:"tenant_hint"`

	Issuer         string   `toml:"issuer"`
	IssuerTemplate string   `toml:"issuer_template"`
	IssuerAliases  []string `toml:"issuer_aliases"`

	Authorization string `toml:"authorization_endpoint"`
	Token         string `toml:"token_endpoint"`
	Device        string `toml:"device_authorization_endpoint"`
	Revocation    string `toml:"revocation_endpoint"`
	Userinfo      string `toml:"userinfo_endpoint"`
	PushedRequest string `toml:"pushed_authorization_request_endpoint"`
	RequirePAR    bool   `toml:"require_pushed_authorization_requests"`
	Registration  string `toml:"registration_endpoint"`
	JWKSURI       string `toml:"jwks_uri"`

	AuthMethod        string   `toml:"token_endpoint_auth_method"`
	IDTokenAlgorithms []string `toml:"id_token_signing_alg_values_supported"`
	RequireIss        bool     `toml:"authorization_response_iss_parameter_supported"`
	NoNonce           bool     `toml:"no_nonce"`

	DefaultScopes    []string          `toml:"default_scopes"`
	AuthParams       map[string]string `toml:"auth_params"`
	MoreScopesParams map[string]string `toml:"more_scopes_params"`

	RedirectHost string `toml:"redirect_host"`
	RedirectPath string `toml:"redirect_path"`
	RedirectPort string `toml:"redirect_port"`

	ClientSecretRequired bool   `toml:"client_secret_required"`
	Rotation             string `toml:"rotation"`
	// IdleLimit is as Go writes durations, or a number of days as "90d".
	IdleLimit               string `toml:"idle_limit"`
	RefreshKillsAccessToken bool   `toml:"refresh_kills_access_token"`
	RedirectURIAtRefresh    bool   `toml:"redirect_uri_at_refresh"`
	NoRefreshToken          string `toml:"no_refresh_token"`
	// Narrowing is "none", which is also what "" means, or "refresh".
	Narrowing           string `toml:"narrowing"`
	OneResourcePerToken bool   `toml:"one_resource_per_token"`

	ScopeParameter        string            `toml:"scope_parameter"`
	RequestScopeSeparator string            `toml:"request_scope_separator"`
	ScopeSeparator        string            `toml:"scope_separator"`
	OfflineScope          string            `toml:"offline_scope"`
	ScopeAliases          map[string]string `toml:"scope_aliases"`
	ScopeParents          map[string]string `toml:"scope_parents"`
	ScopePrefix           string            `toml:"scope_prefix"`
	ScopesFoldCase        bool              `toml:"scopes_fold_case"`
	ScopesNotEchoed       []string          `toml:"scopes_not_echoed"`

	ErrorsIn200 bool     `toml:"errors_in_200"`
	LoginEnded  []string `toml:"login_ended_errors"`
	TokenMember string   `toml:"token_member"`
	TokenType   string   `toml:"token_type"`
	// RevocationForm is "rfc7009", which is also what "" means, "github", "bearer" or "bearer_form".
	RevocationForm string `toml:"revocation_form"`
	SubjectClaim   string `toml:"subject_claim"`
	EmailClaim     string `toml:"email_claim"`
}

// Provider returns r as the provider of that name, for r's own tenant. Where r has a place for a tenant and names none,
// {tenant} stays in the URLs, which [CheckURL] refuses, until [Provider.ForTenant] fills it. The result shares nothing
// with r that its owner may change. r must be right, see [Row.Check].
func (r Row) Provider(name string) Provider {
	kept := r.clone()
	if r.Tenant != "" {
		if filled, err := (Provider{Name: name, row: kept}).ForTenant(r.Tenant); err == nil {
			return filled
		}
	}
	p := kept.clone().provider(name)
	p.row = kept
	return p
}

// clone returns a copy that shares no slice or map.
func (r Row) clone() *Row {
	for _, list := range []*[]string{&r.IssuerAliases, &r.IDTokenAlgorithms, &r.DefaultScopes, &r.ScopesNotEchoed, &r.LoginEnded} {
		*list = slices.Clone(*list)
	}
	for _, m := range []*map[string]string{&r.AuthParams, &r.MoreScopesParams, &r.ScopeAliases, &r.ScopeParents} {
		*m = maps.Clone(*m)
	}
	return &r
}

// provider is r without regard to tenants; it shares r's slices and maps.
func (r *Row) provider(name string) Provider {
	idle, err := parseDays(r.IdleLimit)
	if err != nil {
		idle = 0
	}
	return Provider{
		Name: name, Title: r.Title, Note: r.Note, TenantHint: r.TenantHint,
		Issuer: r.Issuer, IssuerTemplate: r.IssuerTemplate, IssuerAliases: r.IssuerAliases,
		Endpoints: account.Endpoints{
			Authorization: r.Authorization, Token: r.Token, Device: r.Device, Revocation: r.Revocation, Userinfo: r.Userinfo,
			AuthMethod: r.AuthMethod,
		},
		PushedAuthorizationEndpoint: r.PushedRequest, RequirePAR: r.RequirePAR, RegistrationEndpoint: r.Registration,
		JWKSURI: r.JWKSURI, IDTokenAlgorithms: r.IDTokenAlgorithms, RequireIss: r.RequireIss, NoNonce: r.NoNonce,
		DefaultScopes: r.DefaultScopes, AuthParams: r.AuthParams, MoreScopesParams: r.MoreScopesParams,
		Redirect:  Redirect{Host: r.RedirectHost, Path: r.RedirectPath, Port: PortRule(r.RedirectPort)},
		Narrowing: Narrowing(unless("none", r.Narrowing)), OneResourcePerToken: r.OneResourcePerToken,
		IdleLimit: idle, RefreshKillsAccessToken: r.RefreshKillsAccessToken,
		Rotation: Rotation(r.Rotation), RedirectURIAtRefresh: r.RedirectURIAtRefresh,
		ClientSecretRequired: r.ClientSecretRequired, ErrorsIn200: r.ErrorsIn200, LoginEndedErrors: r.LoginEnded,
		TokenMember: r.TokenMember, TokenType: r.TokenType,
		RevocationForm: RevocationForm(unless("rfc7009", r.RevocationForm)),
		ScopeParameter: r.ScopeParameter, RequestScopeSeparator: r.RequestScopeSeparator, ScopeSeparator: r.ScopeSeparator,
		ScopeAliases: r.ScopeAliases, ScopeParents: r.ScopeParents, ScopePrefix: r.ScopePrefix,
		ScopesFoldCase: r.ScopesFoldCase, ScopesNotEchoed: r.ScopesNotEchoed, OfflineScope: r.OfflineScope,
		NoRefreshToken: r.NoRefreshToken, SubjectClaim: r.SubjectClaim, EmailClaim: r.EmailClaim,
	}
}

// unless returns value, or "" where it is the word for the zero value.
func unless(zero, value string) string {
	if value == zero {
		return ""
	}
	return value
}

// parseDays reads a duration that may be a number of days, as "90d"; "" is 0.
func parseDays(text string) (time.Duration, error) {
	wrong := errors.New(`must be a duration as "90d" or "12h"`)
	if text == "" {
		return 0, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 || n > 3650 {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, wrong
	}
	return d, nil
}

// Mistake is one wrong value of a [Row].
type Mistake struct {
	// Key is the value's; "" for what concerns the row as a whole.
	Key string
	// Text says what is wrong, the key included.
	Text string
}

// mistakes collects them.
type mistakes []Mistake

func (m *mistakes) add(key, format string, args ...any) {
	*m = append(*m, Mistake{key, fmt.Sprintf(format, args...)})
}

// rule reports a value that check refuses; "" is no value.
func (m *mistakes) rule(key, value string, check func(string) error) {
	if value == "" {
		return
	}
	if err := check(value); err != nil {
		m.add(key, "%s: %v", key, err)
	}
}

// oneOf reports a value that is none of words; "" is no value.
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
