package grant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"oauthd/daemon/provider"
)

// keysLifetime is how long fetched keys are used, so that a key the provider has withdrawn does not verify tokens for
// ever.
const keysLifetime = 24 * time.Hour

// keyRing is what was last fetched from one jwks_uri. It does not change.
type keyRing struct {
	keys    []jose.JSONWebKey
	fetched time.Time
}

// keySet verifies one signature with the keys at uri, which it fetches through client.
type keySet struct {
	client *Client
	uri    string
	// fail is set if the keys could not be fetched; go-oidc does not wrap what VerifySignature returns.
	fail     *ProviderError
	verified bool
}

var _ oidc.KeySet = (*keySet)(nil)

// VerifySignature implements [oidc.KeySet]. It tries the keys it has, then fetches them once.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(jwt, asymmetric())
	if err != nil {
		return nil, errors.New("not a JWS")
	}
	ring, held := k.client.heldKeys(k.uri)
	if payload, ok := ring.verify(jws); held && ok {
		k.verified = true
		return payload, nil
	}
	if ring, k.fail = k.client.fetchKeys(ctx, k.uri); k.fail != nil {
		return nil, k.fail
	}
	payload, ok := ring.verify(jws)
	if k.verified = ok; !ok {
		return nil, errors.New("no key fits")
	}
	return payload, nil
}

func asymmetric() []jose.SignatureAlgorithm {
	var algorithms []jose.SignatureAlgorithm
	for _, name := range provider.Asymmetric() {
		algorithms = append(algorithms, jose.SignatureAlgorithm(name))
	}
	return algorithms
}

// verify tries the keys that may have signed jws: those with its kid, if it names one, and for its algorithm, if the
// key names one (RFC 7517 §4.2, §4.4, §4.5).
func (r keyRing) verify(jws *jose.JSONWebSignature) (payload []byte, ok bool) {
	header := jws.Signatures[0].Header
	for _, key := range r.keys {
		switch {
		case header.KeyID != "" && key.KeyID != header.KeyID,
			key.Use != "" && key.Use != "sig",
			key.Algorithm != "" && key.Algorithm != header.Algorithm:
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// heldKeys returns the keys that were fetched from uri, if they are not too old.
func (c *Client) heldKeys(uri string) (ring keyRing, held bool) {
	now := c.Clock()
	c.mu.Lock()
	defer c.mu.Unlock()
	ring, held = c.keys[uri]
	age := now.Sub(ring.fetched)
	return ring, held && age >= 0 && age < keysLifetime
}

// fetchKeys reads the key set at uri (RFC 7517 §5) and remembers it. An answer that is not a key set is transient
// trouble: the provider signs with keys that it publishes, so whatever is wrong will pass.
func (c *Client) fetchKeys(ctx context.Context, uri string) (keyRing, *ProviderError) {
	const op = "key set request"
	a, fail := c.Send(ctx, Request{Op: op, Method: http.MethodGet, Endpoint: uri, Header: wants("")})
	if fail != nil {
		return keyRing{}, fail
	}
	keys, fail := a.keys()
	if fail != nil {
		fail.Kind = Transient
		return keyRing{}, fail
	}
	ring := keyRing{keys: keys, fetched: a.now}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil {
		c.keys = make(map[string]keyRing)
	}
	c.keys[uri] = ring
	return ring, nil
}

// keys reads a key set and leaves out what it cannot use.
func (a Answer) keys() ([]jose.JSONWebKey, *ProviderError) {
	members, fail := a.Members()
	if fail != nil {
		return nil, fail
	}
	var list []json.RawMessage
	if json.Unmarshal(members["keys"], &list) != nil || list == nil {
		return nil, a.Fail(Unknown, "the answer is not a key set")
	}
	keys := []jose.JSONWebKey{}
	for _, raw := range list {
		var key jose.JSONWebKey
		// RFC 7517 §5: a key that is not understood is ignored. So is a symmetric one.
		if json.Unmarshal(raw, &key) == nil && key.IsPublic() {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
