package google

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloud.google.com/go/compute/metadata"

	"oauthd/daemon/account"
	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
)

// metadataProbe bounds the question whether there is a metadata server: outside Compute Engine nobody answers.
const metadataProbe = 3 * time.Second

// metadata gets tokens of the service account that is attached to this machine. golang.org/x/oauth2/google would ask
// without a context, and if there was no server when it first looked it would remember that forever. So this uses the
// library below it, which knows where the server is.
func (c Client) metadata(ctx context.Context, r ADCRequest) (ADCResult, error) {
	result := ADCResult{Place: "the metadata server", Kind: KindMetadata}
	if !c.onComputeEngine(ctx) {
		if err := ctx.Err(); err != nil {
			return ADCResult{}, fmt.Errorf("application default credentials: %w", err)
		}
		return ADCResult{}, r.nothingFound()
	}
	switch {
	case r.Subject != "":
		return result, errors.New("the metadata server: only a service account's key can act for a subject")
	case r.Audience != "" && !r.IDToken:
		return result, errors.New("the metadata server gives no access token for an audience, only an ID token")
	case r.Audience == "" && r.IDToken:
		return result, errors.New("the metadata server: an ID token needs an audience")
	}
	path := "token"
	if len(r.Scopes) > 0 {
		path += "?" + url.Values{"scopes": {strings.Join(r.Scopes, ",")}}.Encode()
	}
	a, fail := c.askMetadata(ctx, path)
	if fail == nil {
		result.Response, fail = a.Token(grant.Dialect{ScopeSeparator: ","})
	}
	if fail != nil {
		result.Response = grant.Response{}
		return result, notLogin(fail)
	}
	if r.IDToken {
		a, fail := c.askMetadata(ctx, "identity?"+url.Values{"audience": {r.Audience}, "format": {"full"}}.Encode())
		idToken := account.NewSecret(strings.TrimSpace(string(a.Body)))
		if fail == nil && grant.ClaimedExpiry(idToken).IsZero() {
			fail = a.Fail(grant.Unknown, "the answer is not an ID token")
		}
		if fail != nil {
			result.Response = grant.Response{}
			return result, fail
		}
		result.Response.IDToken, result.Response.Token.IDToken = idToken, idToken
		result.Response.Token.IDTokenExpiry = grant.ClaimedExpiry(idToken)
	}
	result.Response.RefreshToken = account.Secret{}
	// The email is only for people to read: if the server does not send it, the token is still good.
	if a, fail := c.askMetadata(ctx, "email"); fail == nil {
		result.Email = grant.Email(strings.TrimSpace(string(a.Body)))
	}
	return result, nil
}

// askMetadata reads one value of the machine's service account.
func (c Client) askMetadata(ctx context.Context, path string) (grant.Answer, *grant.ProviderError) {
	w := &witness{grants: c.Grants, op: "metadata request", metadata: true}
	_, err := metadata.NewClient(w.httpClient()).GetWithContext(ctx, "instance/service-accounts/default/"+path)
	switch {
	case err == nil:
		return w.last, nil
	case w.problem() == nil:
		return grant.Answer{}, &grant.ProviderError{
			Kind: grant.Configuration, Op: w.op, Endpoint: "http://$GCE_METADATA_HOST", Reason: "GCE_METADATA_HOST is not an address",
		}
	}
	fail := w.problem()
	if fail.Status == 404 {
		fail.Kind, fail.Reason = grant.Configuration, "this machine has no service account, or its server does not offer this"
	}
	return w.last, fail
}

// onComputeEngine reports whether there is a metadata server: GCE_METADATA_HOST names one, or one answers.
func (c Client) onComputeEngine(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, metadataProbe)
	defer cancel()
	// It may ask two questions at once, and a witness serves one request at a time.
	return metadata.NewClient(provider.Harden(&http.Client{Transport: direct(c.Grants)})).OnGCEWithContext(ctx)
}

// nothingFound says what was looked at, and what to do.
func (r ADCRequest) nothingFound() error {
	looked := []string{"GOOGLE_APPLICATION_CREDENTIALS is not set"}
	if r.Places.WellKnown != "" {
		looked = append(looked, "there is no "+r.Places.WellKnown)
	}
	looked = append(looked, "no metadata server answers")
	return fmt.Errorf("%w: %s; run gcloud auth application-default login, or set key_file in the account's file",
		ErrNoDefaultCredentials, strings.Join(looked, ", "))
}
