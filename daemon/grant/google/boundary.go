package google

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

const (
	googleTokenService = "https://sts.googleapis.com/v1/token"
	storageScopes      = "https://www.googleapis.com/auth/devstorage."

	// ScopeStorageRead, ScopeStorageWrite and ScopeStorageControl say what a token for a part of Cloud Storage may do there.
	ScopeStorageRead    = storageScopes + "read_only"
	ScopeStorageWrite   = storageScopes + "read_write"
	ScopeStorageControl = storageScopes + "full_control"
)

// storageRoles are the roles whose permissions a token for each scope has at most. A later one has those of the former.
var storageRoles = []struct{ scope, role string }{
	{ScopeStorageRead, "inRole:roles/storage.objectViewer"},
	{ScopeStorageWrite, "inRole:roles/storage.objectUser"},
	{ScopeStorageControl, "inRole:roles/storage.objectAdmin"},
}

// TokenService is Google's security token service for the tokens of tokenEndpoint: if that is on this machine it is a
// stand-in for Google, and so is the service, beside it.
func TokenService(tokenEndpoint string) string {
	u, err := url.Parse(tokenEndpoint)
	if err == nil && u.Host != "" && provider.CheckURL("http://"+u.Host) == nil { // http is for this machine only
		return u.Scheme + "://" + u.Host + "/v1/token"
	}
	return googleTokenService
}

// StorageScopes returns those of scopes that are about what a token may do in Cloud Storage.
func StorageScopes(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return storageRank(scope) < 0 })
}

func storageRank(scope string) int {
	for i, r := range storageRoles {
		if r.scope == scope {
			return i
		}
	}
	return -1
}

// StorageBeyond returns those of the storage scopes wanted that a token with the granted scopes is not good for; nil for
// granted means that nobody knows.
func StorageBeyond(granted, wanted []string) []string {
	if granted == nil {
		return nil
	}
	most := -1
	for _, scope := range granted {
		switch scope {
		case cloudPlatform:
			most = len(storageRoles)
		case cloudPlatform + ".read-only":
			most = max(most, 0)
		}
		most = max(most, storageRank(scope))
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(scope string) bool { return storageRank(scope) <= most })
}

// Bounded is a request for a token that is good for one part of Cloud Storage (Credential Access Boundary).
type Bounded struct {
	// TokenService is the address of Google's security token service, see [TokenService].
	TokenService string
	// Subject is the token to bound.
	Subject account.Token
	Storage account.Storage
	// Scopes are storage scopes, of which the widest counts; none means reading alone.
	Scopes []string
}

// Bound exchanges a token for one that is bounded. Without an expiry of its own, it ends with the other. The response has no
// scopes other than r's. Errors are *[grant.ProviderError], never of kind [grant.LoginRequired].
func (c Client) Bound(ctx context.Context, r Bounded) (grant.Response, error) {
	options, err := r.options()
	if err != nil {
		return grant.Response{}, &grant.ProviderError{
			Kind: grant.Configuration, Op: grant.OpExchange, Endpoint: r.TokenService, Reason: "the access boundary is not JSON",
		}
	}
	resp, err := c.Grants.ExchangeToken(ctx, grant.TokenExchange{
		TokenEndpoint: r.TokenService, Subject: r.Subject.Access, SubjectType: grant.TypeAccessToken, Options: options,
	})
	if err != nil {
		return resp, err
	}
	if resp.Token.Expiry.IsZero() && !r.Subject.Expiry.IsZero() { // as for a person's token
		resp.Token.Expiry, resp.Token.Lifetime = r.Subject.Expiry, r.Subject.Expiry.Sub(c.Grants.Clock())
	}
	if resp.Token.Scopes = slices.Clone(r.Scopes); len(r.Scopes) == 0 {
		resp.Token.Scopes = []string{ScopeStorageRead}
	}
	return resp, nil
}

type boundaryRule struct {
	AvailableResource    string             `json:"availableResource"`
	AvailablePermissions []string           `json:"availablePermissions"`
	Condition            *boundaryCondition `json:"availabilityCondition,omitempty"`
}

type boundaryCondition struct {
	Expression string `json:"expression"`
}

// options is the access boundary as Google's security token service takes it.
func (r Bounded) options() (string, error) {
	rank := 0
	for _, scope := range r.Scopes {
		rank = max(rank, storageRank(scope))
	}
	rule := boundaryRule{
		AvailableResource:    "//storage.googleapis.com/projects/_/buckets/" + r.Storage.Bucket,
		AvailablePermissions: []string{storageRoles[rank].role},
	}
	if r.Storage.Prefix != "" {
		// Neither a bucket nor a prefix has a character that would end these strings. The second part is for listings.
		rule.Condition = &boundaryCondition{
			"resource.name.startsWith('projects/_/buckets/" + r.Storage.Bucket + "/objects/" + r.Storage.Prefix + "')" +
				" || api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('" + r.Storage.Prefix + "')",
		}
	}
	var options struct {
		Boundary struct {
			Rules []boundaryRule `json:"accessBoundaryRules"`
		} `json:"accessBoundary"`
	}
	options.Boundary.Rules = []boundaryRule{rule}
	text, err := json.Marshal(options)
	return string(text), err
}
