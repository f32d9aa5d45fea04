package admit

import (
	"sync"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/policy"
	"oauthd/daemon/words"
)

// meters count what was handed out under each rule and socket with a rate. The zero meters are ready.
type meters struct {
	mu sync.Mutex // guards of
	of map[string]*policy.Meter
}

func (m *meters) take(a account.Account, rule string, rate account.Rate, now time.Time) error {
	if rate == (account.Rate{}) {
		return nil
	}
	key := a.Name + " " + rule
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of == nil {
		m.of = map[string]*policy.Meter{}
	}
	if m.of[key] == nil {
		m.of[key] = &policy.Meter{}
	}
	if wait, ok := m.of[key].Take(rate, now); !ok {
		return words.TooOften(a, rate, wait)
	}
	return nil
}
