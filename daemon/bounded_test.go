package daemon

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"oauthd/daemon/account"
	"oauthd/daemon/oauthtest"
	"oauthd/ipc/api"
)

const (
	storageRead  = "https://www.googleapis.com/auth/devstorage.read_only"
	storageWrite = "https://www.googleapis.com/auth/devstorage.read_write"
	cloud        = "https://www.googleapis.com/auth/cloud-platform"
)

// storing is a rig whose account work is at a stand-in for Google.
func storing(t *testing.T, lines string, scopes ...string) *rig {
	r := newRig(t, oauthtest.Config{
		Scopes: append([]string{"openid", "offline_access"}, scopes...), Exchange: &oauthtest.Exchange{Storage: true},
	})
	r.account("work", append([]string{"openid", "offline_access"}, scopes...)...)
	r.write("accounts/work.toml", fmt.Sprintf(
		"authorization_endpoint = %q\ntoken_endpoint = %q\nclient_id = \"app\"\n%s", r.server.Issuer()+"/authorize", r.server.Issuer()+"/token", lines))
	c := r.store.credential(t, "work")
	c.Issuer = ""
	r.store.save(t, "work", c)
	r.start()
	return r
}

const bucket = "//storage.googleapis.com/projects/_/buckets/bucket-1"

// boundTo checks what a token of the stand-in is bounded to.
func (r *rig) boundTo(tok api.Token, want ...string) {
	r.t.Helper()
	got, ends, ok := r.server.Audience(tok.AccessToken)
	if !ok || !slices.Equal(got, want) {
		r.t.Errorf("got a token for %q, valid: %t; want %q", got, ok, want)
	}
	if tok.ExpiresAt == nil || tok.ExpiresAt.After(ends) {
		r.t.Errorf("the token ends at %v, and the daemon says %v", ends, tok.ExpiresAt)
	}
}

func TestBoundedToken(t *testing.T) {
	for _, tt := range []struct {
		name    string
		request api.TokenRequest
		scope   string
		bounds  []string
	}{
		{"a bucket", api.TokenRequest{Resource: "gs://bucket-1"}, storageRead, []string{bucket, "inRole:roles/storage.objectViewer"}},
		{"as an audience", api.TokenRequest{Audience: "gs://bucket-1/"}, storageRead, []string{bucket, "inRole:roles/storage.objectViewer"}},
		{"a prefix, to write", api.TokenRequest{Resource: "gs://bucket-1/reports/", Scope: storageWrite}, storageWrite, []string{
			bucket, "inRole:roles/storage.objectUser",
			"resource.name.startsWith('projects/_/buckets/bucket-1/objects/reports/') || " +
				"api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('reports/')",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := storing(t, "", cloud)
				tt.request.Account = "work"
				tok, err := r.ask(tt.request)
				if err != nil || tok.Scope != tt.scope {
					t.Fatalf("got scope %q, %v; want %q", tok.Scope, err, tt.scope)
				}
				r.boundTo(tok, tt.bounds...)
				if again, err := r.ask(tt.request); err != nil || again.AccessToken != tok.AccessToken {
					t.Errorf("got another token, %v; want the cached one", err)
				}
				if n := r.server.Requests(oauthtest.TokenService); n != 1 || r.refreshes() != 1 {
					t.Errorf("got %d exchanges and %d refreshes, want one each", n, r.refreshes())
				}
			})
		})
	}
}

func TestBoundedTokenRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		granted string
		request api.TokenRequest
		fault   oauthtest.Fault
		code    api.Code
	}{
		{"no bucket", cloud, api.TokenRequest{Resource: "gs://"}, nil, api.BadRequest},
		{"a wildcard", cloud, api.TokenRequest{Resource: "gs://bucket-1/*"}, nil, api.BadRequest},
		{"an injected condition", cloud, api.TokenRequest{Resource: "gs://bucket-1/') || true || ('"}, nil, api.BadRequest},
		{"two targets", cloud, api.TokenRequest{Resource: "gs://bucket-1", Audience: "gs://bucket-2"}, nil, api.BadRequest},
		{"other scopes", cloud, api.TokenRequest{Resource: "gs://bucket-1", Scope: "openid"}, nil, api.BadRequest},
		{"an ID token", cloud, api.TokenRequest{Resource: "gs://bucket-1", IDToken: true}, nil, api.BadRequest},
		{"more than was granted", storageRead, api.TokenRequest{Resource: "gs://bucket-1", Scope: storageWrite}, nil, api.ScopeNotGranted},
		{"nothing of storage was granted", "calendar", api.TokenRequest{Resource: "gs://bucket-1"}, nil, api.ScopeNotGranted},
		{"Google refuses", cloud, api.TokenRequest{Resource: "gs://bucket-1"}, oauthtest.Error(400, "invalid_grant"), api.ProviderRejected},
		{"Google is away", cloud, api.TokenRequest{Resource: "gs://bucket-1"}, oauthtest.Error(503, "unavailable"), api.ProviderUnreachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := storing(t, "", tt.granted)
				r.server.Script(oauthtest.TokenService, tt.fault)
				tt.request.Account = "work"
				_, err := r.ask(tt.request)
				r.wants(err, tt.code)
				if tt.fault == nil && r.posted() != nil {
					t.Errorf("got requests to %q, want none", r.posted())
				}
				if a := r.shown("work"); a.State != api.StateReady {
					t.Errorf("got %s, want ready", a.State)
				}
			})
		})
	}
}

// A rule for a bucket gives tokens for that or a part of it, and for nothing else.
func TestRuleForABucket(t *testing.T) {
	for _, tt := range []struct {
		name    string
		scopes  string
		request api.TokenRequest
		role    string // "" for a refusal
		scope   string
	}{
		{"what the rule says", "", api.TokenRequest{}, "objectViewer", storageRead},
		{"a part of it", "", api.TokenRequest{Resource: "gs://bucket-1/reports"}, "objectViewer", storageRead},
		{"another bucket", "", api.TokenRequest{Resource: "gs://bucket-2"}, "", ""},
		{"a bucket that begins alike", "", api.TokenRequest{Resource: "gs://bucket-10"}, "", ""},
		{"another audience", "", api.TokenRequest{Audience: "https://bucket-1"}, "", ""},
		{"a rule to write", storageWrite, api.TokenRequest{}, "objectUser", storageWrite},
		{"less than the rule", storageRead, api.TokenRequest{Scope: storageWrite}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rule := "[[allow]]\napp = \"backup\"\naudiences = [\"gs://bucket-1\"]\n"
				if tt.scopes != "" {
					rule += fmt.Sprintf("scopes = [%q]\n", tt.scopes)
				}
				r := storing(t, rule, cloud)
				ctx := account.WithCaller(context.Background(), account.Caller{
					Evidence: func() account.Evidence { return account.Evidence{App: "backup"} },
				})
				tt.request.Account = "work"
				tok, err := r.d.Token(ctx, tt.request)
				if tt.role == "" {
					r.wants(err, api.PolicyDenied)
					return
				}
				if err != nil || tok.Scope != tt.scope {
					t.Fatalf("got scope %q, %v; want %q", tok.Scope, err, tt.scope)
				}
				bounds, _, _ := r.server.Audience(tok.AccessToken)
				if len(bounds) < 2 || bounds[0] != bucket || bounds[1] != "inRole:roles/storage."+tt.role {
					t.Errorf("got a token for %q, want the bucket and %s", bounds, tt.role)
				}
			})
		})
	}
}

// To everybody but Google, gs:// is a resource like any other.
func TestBucketAtAnotherProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := exchanging(t, "")
		_, err := r.ask(api.TokenRequest{Account: "work", Resource: "gs://bucket-1"})
		r.wants(err, api.ProviderRejected)
		if n := r.server.TokenRequests(exchangeGrant); n != 1 {
			t.Errorf("got %d exchanges at the provider, want one", n)
		}
	})
}

func TestBoundedServiceAccount(t *testing.T) {
	cfg := machines()
	cfg.ServiceAccounts[0].Scopes = []string{cloud}
	cfg.Exchange = &oauthtest.Exchange{Storage: true}
	r := newRealRig(t, cfg)
	r.write("key.json", r.robotKey())
	r.write("accounts/work.toml", fmt.Sprintf("grant = \"service_account\"\nkey_file = \"../key.json\"\nscopes = [%q]\n", cloud))
	r.start()
	tok, err := r.ask(api.TokenRequest{Account: "work", Resource: "gs://bucket-1"})
	if err != nil {
		t.Fatal(err)
	}
	r.boundTo(tok, bucket, "inRole:roles/storage.objectViewer")
}
