package google

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/downscope"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
)

const readReports = `resource.name.startsWith('projects/_/buckets/bucket-1/objects/reports/') || ` +
	`api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('reports/')`

// bounded sends r to a security token service that answers with body, and returns the form that this got.
func bounded(t *testing.T, r Bounded, status int, body string) (form url.Values, resp grant.Response, err error) {
	t.Helper()
	endpoint := serve(t, func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err != nil {
			t.Error(err)
		}
		form = req.PostForm
		if req.Header.Get("Authorization") != "" {
			t.Error("the request is authenticated, and Google's service knows no clients")
		}
		say(status, "application/json", body)(w, req)
	})
	r.TokenService = endpoint
	resp, err = Client{Grants: &grant.Client{Now: at(then)}}.Bound(context.Background(), r)
	return form, resp, err
}

// golang.org/x/oauth2 has the same for programs; what it sends is what Google documents.
func TestBoundSendsWhatGooglesLibraryDoes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		target string
		scopes []string
		rule   downscope.AccessBoundaryRule
		want   []string // scopes of the token
	}{
		{"a bucket, to read", "gs://bucket-1", nil, downscope.AccessBoundaryRule{
			AvailablePermissions: []string{"inRole:roles/storage.objectViewer"},
		}, []string{ScopeStorageRead}},
		{"a prefix, to read", "gs://bucket-1/reports/", []string{ScopeStorageRead}, downscope.AccessBoundaryRule{
			AvailablePermissions: []string{"inRole:roles/storage.objectViewer"},
			Condition:            &downscope.AvailabilityCondition{Expression: readReports},
		}, []string{ScopeStorageRead}},
		{"to write", "gs://bucket-1", []string{ScopeStorageWrite}, downscope.AccessBoundaryRule{
			AvailablePermissions: []string{"inRole:roles/storage.objectUser"},
		}, []string{ScopeStorageWrite}},
		{"the widest counts", "gs://bucket-1", []string{ScopeStorageControl, ScopeStorageRead}, downscope.AccessBoundaryRule{
			AvailablePermissions: []string{"inRole:roles/storage.objectAdmin"},
		}, []string{ScopeStorageControl, ScopeStorageRead}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			storage, err := account.ParseStorage(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			got, resp, err := bounded(t, Bounded{
				Subject: account.Token{Access: account.NewSecret("ya29.own")}, Storage: storage, Scopes: tt.scopes,
			}, 200, federated)
			if err != nil || resp.Token.Access.Reveal() != "ya29.federated" || !slices.Equal(resp.Token.Scopes, tt.want) {
				t.Fatalf("got scopes %q, %v; want %q", resp.Token.Scopes, err, tt.want)
			}
			if want := then.Add(time.Hour); !resp.Token.Expiry.Equal(want) {
				t.Errorf("got the end %v, want %v", resp.Token.Expiry, want)
			}

			tt.rule.AvailableResource = "//storage.googleapis.com/projects/_/buckets/bucket-1"
			var want url.Values
			ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: roundTrip(func(r *http.Request) *http.Response {
				if r.URL.String() != googleTokenService {
					t.Errorf("the library asks %s, and we %s", r.URL, googleTokenService)
				}
				text, _ := io.ReadAll(r.Body)
				want, _ = url.ParseQuery(string(text))
				return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(federated)), Header: http.Header{}}
			})})
			source, err := downscope.NewTokenSource(ctx, downscope.DownscopingConfig{
				RootSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "ya29.own"}),
				Rules:      []downscope.AccessBoundaryRule{tt.rule},
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := source.Token(); err != nil {
				t.Fatal(err)
			}
			for _, form := range []url.Values{got, want} { // the order of members does not matter
				var options any
				if err := json.Unmarshal([]byte(form.Get("options")), &options); err != nil {
					t.Fatal(err)
				}
				text, _ := json.Marshal(options)
				form.Set("options", string(text))
			}
			if got.Encode() != want.Encode() {
				t.Errorf("got\n%s, want\n%s", got.Encode(), want.Encode())
			}
		})
	}
}

type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func TestBoundTokenOfAPersonEndsWithItsSource(t *testing.T) {
	ends := then.Add(20 * time.Minute)
	_, resp, err := bounded(t, Bounded{
		Subject: account.Token{Access: account.NewSecret("ya29.own"), Expiry: ends}, Storage: account.Storage{Bucket: "bucket-1"},
	}, 200, `{"access_token":"ya29.bounded","token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}`)
	if err != nil || !resp.Token.Expiry.Equal(ends) || resp.Token.Lifetime != 20*time.Minute {
		t.Errorf("got the end %v after %v, %v; want that of its source", resp.Token.Expiry, resp.Token.Lifetime, err)
	}
}

func TestBoundFaults(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		kind   grant.Kind
	}{
		{"a token that is not valid", 400, `{"error":"invalid_grant","error_description":"bad ya29.own"}`, grant.Configuration},
		{"a boundary that is not valid", 400, `{"error":"invalid_request"}`, grant.Configuration},
		{"no type", 200, `{"access_token":"ya29.bounded","token_type":"Bearer"}`, grant.Configuration},
		{"unavailable", 503, `{}`, grant.Transient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := bounded(t, Bounded{
				Subject: account.Token{Access: account.NewSecret("ya29.own")}, Storage: account.Storage{Bucket: "bucket-1"},
			}, tt.status, tt.body)
			if pe := asProviderError(t, err); pe.Kind != tt.kind || strings.Contains(pe.Error(), "ya29.own") {
				t.Errorf("got %s: %v; want %s without the token", pe.Kind, pe, tt.kind)
			}
		})
	}
}

func TestTokenService(t *testing.T) {
	for _, tt := range []struct{ endpoint, want string }{
		{"", googleTokenService},
		{"https://oauth2.googleapis.com/token", googleTokenService},
		{"https://evil.example/token", googleTokenService},
		{"https://127.0.0.1.evil.example/token", googleTokenService},
		{"http://127.0.0.1:8400/token", "http://127.0.0.1:8400/v1/token"},
	} {
		if got := TokenService(tt.endpoint); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.endpoint, got, tt.want)
		}
	}
}

func TestStorageBeyond(t *testing.T) {
	const calendar = "https://www.googleapis.com/auth/calendar"
	for _, tt := range []struct {
		name            string
		granted, wanted []string
		want            []string
	}{
		{"all of the cloud", []string{cloudPlatform}, []string{ScopeStorageControl}, nil},
		{"the cloud, to read", []string{cloudPlatform + ".read-only"}, []string{ScopeStorageRead, ScopeStorageWrite}, []string{ScopeStorageWrite}},
		{"the same", []string{calendar, ScopeStorageWrite}, []string{ScopeStorageRead, ScopeStorageWrite}, nil},
		{"less", []string{ScopeStorageRead}, []string{ScopeStorageWrite}, []string{ScopeStorageWrite}},
		{"something else", []string{calendar}, []string{ScopeStorageRead}, []string{ScopeStorageRead}},
		{"nothing", []string{}, []string{ScopeStorageRead}, []string{ScopeStorageRead}},
		{"nobody knows", nil, []string{ScopeStorageRead}, nil},
	} {
		if got := StorageBeyond(tt.granted, tt.wanted); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
