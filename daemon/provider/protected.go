package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// ProtectedResource is what a resource server says about itself (RFC 9728).
type ProtectedResource struct {
	// Resource is its identifier, which goes with every request for its tokens (RFC 8707).
	Resource string
	// Issuer is the first of its authorization servers.
	Issuer string
	// Scopes are those that it asks for in its challenge, else those that it supports; nil if it says neither.
	Scopes []string
	// DPoPBound is true if it takes no token without a proof of the key that the token is bound to (RFC 9449).
	DPoPBound bool
}

// ResourceError means that a resource server does not say where its tokens come from, or lies about it.
type ResourceError struct {
	// URL is the address at which that was found out.
	URL string

	transient bool
	redirect  bool
	silent    bool
	cause     error
}

// Silent reports whether the server asks for a token and publishes nothing about where to get one, as MCP's revision 2025-03-26
// allows.
func (e *ResourceError) Silent() bool { return e.silent }

// Error says what is wrong, and at which URL.
func (e *ResourceError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.cause) }

// Unwrap returns what is wrong.
func (e *ResourceError) Unwrap() error { return e.cause }

// Transient reports whether another try later may succeed.
func (e *ResourceError) Transient() (retryAfter time.Duration, ok bool) { return 0, e.transient }

// maxScopes is how many bytes of scopes a resource may name: they go into a URL, which is an argument of the browser.
const maxScopes = 8 << 10

// protectedPath is where a resource's metadata is (RFC 9728 §3).
const protectedPath = "/.well-known/oauth-protected-resource"

// DiscoverResource asks a resource server where its tokens come from: in the challenge of its 401 (RFC 9728 §5.1), then at
// the well-known URL for its path, then at that for its host. It sends no credential, follows no redirect, and contacts no
// address that reaches less far than the resource's own. The document must be for resource, or for what it is below on
// the same host. A nil client means [NewHTTPClient]; the whole takes at most 30 s. Errors are *[ResourceError].
func DiscoverResource(ctx context.Context, client *http.Client, resource string) (ProtectedResource, error) {
	u, err := parseURL(resource)
	if err != nil {
		return ProtectedResource{}, &ResourceError{URL: api.Excerpt(resource), cause: err}
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	client = Harden(client)
	challenge, err := challenged(ctx, client, resource)
	if err != nil {
		return ProtectedResource{}, err
	}
	origin := u.Scheme + "://" + u.Host
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	places := []string{origin + protectedPath + path}
	if at := challenge.parameters["resource_metadata"]; at != "" {
		places = append([]string{at}, places...)
	}
	if path != "" {
		places = append(places, origin+protectedPath)
	}
	nowhere := &ResourceError{URL: resource, cause: errors.New("it does not say where its tokens come from (RFC 9728)")}
	for _, at := range places {
		found, err := protectedAt(ctx, client, u, at)
		var trouble *ResourceError
		if errors.As(err, &trouble) && trouble.redirect { // there is no document, perhaps: some servers redirect whatever they do not know
			nowhere = trouble
			continue
		}
		if err != nil {
			return ProtectedResource{}, err
		}
		if found.Issuer == "" {
			continue
		}
		if scope := challenge.parameters["scope"]; scope != "" {
			found.Scopes = strings.Fields(scope)
		}
		found.DPoPBound = found.DPoPBound || challenge.bound
		if n := len(strings.Join(found.Scopes, " ")); n > maxScopes {
			return ProtectedResource{}, &ResourceError{URL: resource, cause: fmt.Errorf("it names %d bytes of scopes, which no browser is sent", n)}
		}
		return found, nil
	}
	if nowhere.silent = challenge.parameters != nil && !nowhere.redirect; nowhere.silent {
		return ProtectedResource{
			Resource: resource, Issuer: origin, Scopes: strings.Fields(challenge.parameters["scope"]), DPoPBound: challenge.bound,
		}, nowhere
	}
	return ProtectedResource{}, nowhere
}

// ping is a message that changes nothing at an MCP server.
const ping = `{"jsonrpc":"2.0","id":1,"method":"ping"}`

// challenged returns the challenge in the answer to a request without a token. A server that does not take GET there is sent a
// ping: many MCP servers take nothing but messages.
func challenged(ctx context.Context, client *http.Client, resource string) (challenge, error) {
	status, c, err := unauthorized(ctx, client, http.MethodGet, resource, "")
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable:
		if c.parameters == nil {
			_, c, err = unauthorized(ctx, client, http.MethodPost, resource, ping)
		}
	}
	return c, err
}

// unauthorized sends a request without a token.
func unauthorized(ctx context.Context, client *http.Client, method, resource, body string) (status int, c challenge, err error) {
	req, err := http.NewRequestWithContext(ctx, method, resource, strings.NewReader(body))
	if err != nil {
		return 0, c, &ResourceError{URL: resource, cause: errors.New("not a URL")}
	}
	req.Header.Set("Accept", "application/json, text/event-stream")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, c, &ResourceError{URL: resource, cause: SafeCause(err), transient: true}
	}
	_ = res.Body.Close()
	return res.StatusCode, tokenChallenge(res.Header), nil
}

// protectedAt reads the metadata at one place; its Issuer is "" if there is none.
func protectedAt(ctx context.Context, client *http.Client, resource *url.URL, at string) (found ProtectedResource, err error) {
	wrong := func(cause error) error { return &ResourceError{URL: api.Excerpt(at), cause: cause} }
	if err := checkNamedBy(resource, at); err != nil {
		return found, wrong(fmt.Errorf("the place of the resource's metadata: %w", err))
	}
	req, err := http.NewRequestWithContext(ConfineNamed(ctx, at, resource.String()), http.MethodGet, at, nil)
	if err != nil {
		return found, wrong(errors.New("not a URL"))
	}
	req.Header.Set("Accept", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return found, &ResourceError{URL: api.Excerpt(at), cause: SafeCause(err), transient: true}
	}
	defer func() { _ = res.Body.Close() }()
	switch code := res.StatusCode; {
	case code == http.StatusOK:
	case code >= 300 && code < 400:
		return found, &ResourceError{URL: api.Excerpt(at), redirect: true, cause: fmt.Errorf("the answer is a redirect (%d), which is not followed", code)}
	case code >= 500 || code == http.StatusTooManyRequests:
		return found, &ResourceError{URL: api.Excerpt(at), cause: fmt.Errorf("the server answers %d", code), transient: true}
	default:
		return found, nil
	}
	body, whole, err := ReadBody(res.Body)
	switch {
	case err != nil:
		return found, &ResourceError{URL: api.Excerpt(at), cause: SafeCause(err), transient: true}
	case !whole:
		return found, wrong(fmt.Errorf("the document is larger than %d bytes", MaxBody))
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(bytes.TrimPrefix(body, utf8BOM), &fields) != nil {
		return found, wrong(errors.New("the document is not a JSON object"))
	}
	var servers []string
	for name, into := range map[string]any{
		"resource": &found.Resource, "authorization_servers": &servers, "scopes_supported": &found.Scopes,
		"dpop_bound_access_tokens_required": &found.DPoPBound,
	} {
		if raw, ok := fields[name]; ok && json.Unmarshal(raw, into) != nil {
			return found, wrong(fmt.Errorf("%s has another type than it must have", name))
		}
	}
	if !covers(found.Resource, resource) {
		return found, wrong(fmt.Errorf("the document is for the resource %q, not for %q", api.Excerpt(found.Resource), api.Excerpt(resource.String())))
	}
	if len(servers) == 0 {
		return found, wrong(errors.New("the document names no authorization server"))
	}
	err = CheckIssuer(servers[0])
	if err == nil {
		err = checkNamedBy(resource, servers[0])
	}
	if err != nil {
		return found, wrong(fmt.Errorf("its authorization server: %w", err))
	}
	found.Issuer = servers[0]
	return found, nil
}

// checkNamedBy refuses a URL that a resource must not name.
func checkNamedBy(resource *url.URL, raw string) error {
	u, err := parseURL(raw)
	if err != nil {
		return err
	}
	if where := nearer(resource, u); where != "" {
		return errors.New("is " + where + ", and the resource is not")
	}
	return nil
}

// covers reports whether what calls itself name is resource, or what resource is below on the same host.
func covers(name string, resource *url.URL) bool {
	u, err := parseURL(name)
	if err != nil || u.Scheme != resource.Scheme || !strings.EqualFold(u.Host, resource.Host) || u.RawQuery != "" {
		return false
	}
	above := strings.TrimSuffix(u.EscapedPath(), "/")
	path := strings.TrimSuffix(resource.EscapedPath(), "/")
	return path == above || strings.HasPrefix(path, above+"/")
}
