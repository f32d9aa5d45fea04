package mint

import (
	"context"
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
)

// retryEvery is how often a login that the provider has ended may be tried once more: some providers refuse a refresh
// token that works a moment later.
const retryEvery = time.Minute

// retries remembers when ended logins were tried last.
type retries struct {
	mu   sync.Mutex // guards last
	last map[string]time.Time
}

// begin reports whether name may be tried now, and notes that it is.
func (r *retries) begin(name string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := now.Sub(r.last[name]); since >= 0 && since < retryEvery {
		return false
	}
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	r.last[name] = now
	return true
}

// Retry has the next refresh try the saved record of a once more although the provider has ended its login, because a
// person asks for it: at most once a minute. It does nothing about a login that has not ended.
func (m *Minter) Retry(ctx context.Context, a account.Account) error {
	if f, known := m.book.KnownFacts(a.Name); known && !f.Dead || !a.Grant.Interactive() {
		return nil
	}
	leave, err := m.vault.Gate().Enter()
	if err != nil {
		return m.store.Problem(err)
	}
	defer leave()
	unlock, err := m.vault.Lock(ctx, a.Name)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := m.vault.Load(ctx, a.Name)
	if err != nil || !c.Dead || !m.retries.begin(a.Name, m.now()) {
		return nil // the refresh says what is wrong
	}
	c.Dead = false
	if err := m.vault.Save(ctx, a.Name, c); err != nil {
		return m.store.Problem(err)
	}
	m.log.Info().Str("account", a.Name).Msg("trying a login once more that the provider has ended")
	m.book.Stored(a, book.FactsOf(c))
	return nil
}
