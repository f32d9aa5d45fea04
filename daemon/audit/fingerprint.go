package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// keyPatience is how long a token waits for the key of fingerprints, which the store has.
	keyPatience = 2 * time.Second
	// keyPause is how long a store that did not give the key is not asked again.
	keyPause = time.Minute
)

// fingerprints makes fingerprints of tokens: an HMAC, so that somebody who has the log and not the store can check no guess.
// The key is fetched when it is needed first. Nobody waits for a store that did not give it.
type fingerprints struct {
	seed  maphash.Seed                              // for telling tokens apart in this process
	fetch func(ctx context.Context) ([]byte, error) // nil for a key of this process
	log   zerolog.Logger
	now   func() time.Time

	mu      sync.Mutex // guards the fields below
	key     []byte
	loading chan struct{} // closed when the store has answered; nil while it is not asked
	failed  time.Time     // when it last did not give the key
	epoch   int           // counts the calls of forget
}

func newFingerprints(fetch func(ctx context.Context) ([]byte, error), log zerolog.Logger, now func() time.Time) *fingerprints {
	f := &fingerprints{seed: maphash.MakeSeed(), fetch: fetch, log: log, now: now}
	if fetch == nil {
		f.key = make([]byte, sha256.Size)
		_, _ = rand.Read(f.key) // never fails
	}
	return f
}

// await waits until the key is here, or the store has not given it in time.
func (f *fingerprints) await(ctx context.Context) {
	f.mu.Lock()
	if f.key != nil || !f.failed.IsZero() && f.now().Sub(f.failed).Abs() < keyPause {
		f.mu.Unlock()
		return
	}
	first := f.failed.IsZero()
	if f.loading == nil {
		f.loading = make(chan struct{})
		go f.load(context.WithoutCancel(ctx), f.loading, f.epoch)
	}
	loading := f.loading
	f.mu.Unlock()
	if !first {
		return
	}
	late := time.NewTimer(keyPatience)
	defer late.Stop()
	select {
	case <-loading:
	case <-late.C:
		f.mu.Lock()
		f.failed = f.now() // nobody else waits for it
		f.mu.Unlock()
	case <-ctx.Done():
	}
}

// load asks the store for the key.
func (f *fingerprints) load(ctx context.Context, done chan struct{}, epoch int) {
	key, err := f.fetch(ctx)
	f.mu.Lock()
	defer f.mu.Unlock()
	defer close(done)
	f.loading = nil
	switch {
	case err != nil:
		f.failed = f.now()
		f.log.Warn().Err(err).Msg("no fingerprints in the audit log")
	case epoch != f.epoch:
		clear(key)
	default:
		f.key, f.failed = key, time.Time{}
	}
}

// of returns the fingerprint of a token, "" if the key is not here.
func (f *fingerprints) of(token string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.key == nil || token == "" {
		return ""
	}
	mac := hmac.New(sha256.New, f.key)
	_, _ = mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// forget clears the key, which the store has.
func (f *fingerprints) forget() {
	if f.fetch == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.key)
	f.key, f.failed = nil, time.Time{}
	f.epoch++
}
