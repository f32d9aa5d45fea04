package provider

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"

	"oauthd/ipc/api"
)

// Row is one provider as the built-in table and [providers.NAME] of config.toml write it: [api.ProviderRow], which says
// what each key means. URLs may have {tenant} in them.
type Row api.ProviderRow

// Provider returns r as the provider of that name, for r's own tenant. If r has a place for a tenant and names none,
// {tenant} stays in the URLs, which [CheckURL] refuses, until [Provider.ForTenant] fills it. The result shares nothing
// with r that its owner may change. r must be right, see [Row.Check].
func (r Row) Provider(name string) Provider {
	if r.RevocationForm == rfc7009 {
		r.RevocationForm = ""
	}
	p := Provider{Name: name, Row: *r.clone(), entry: r.clone()}
	if r.Tenant != "" {
		p.Tenant = ""
		if filled, err := p.ForTenant(r.Tenant); err == nil {
			return filled
		}
	}
	return p
}

// clone returns a copy that shares no slice or map.
func (r Row) clone() *Row {
	fields := reflect.ValueOf(&r).Elem()
	for i := range fields.NumField() {
		switch field := fields.Field(i).Addr().Interface().(type) {
		case *[]string:
			*field = slices.Clone(*field)
		case *map[string]string:
			*field = maps.Clone(*field)
		}
	}
	return &r
}

// RedirectURI is the redirect URI to register at the provider. A free port is left out; a fixed one is a suggestion.
func (r Row) RedirectURI() string {
	host := cmp.Or(r.RedirectHost, "127.0.0.1")
	if r.RedirectPort == api.RedirectPortFixed {
		host += ":8400"
	}
	return "http://" + host + cmp.Or(r.RedirectPath, "/callback")
}

// Steps are the row's registration steps for a redirect URI; nil if the row has none.
func (r Row) Steps(redirectURI string) []string {
	var steps []string
	for _, step := range r.RegistrationSteps {
		steps = append(steps, strings.ReplaceAll(step, "{redirect_uri}", redirectURI))
	}
	return steps
}
