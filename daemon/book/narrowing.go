package book

import (
	"cmp"
	"sync"

	"oauthd/daemon/provider"
)

// narrowing is what was seen of providers of which nothing is known: whether a scope parameter narrows the token of a
// refresh (RFC 6749 §6).
type narrowing struct {
	mu   sync.Mutex // guards seen
	seen map[string]bool
}

// Narrows reports whether p gives a narrower token at a refresh, as the table says or as was seen. Until one of them
// says so, it is worth a try.
func (b *Book) Narrows(p provider.Provider) bool {
	if p.Narrowing != "" {
		return p.Narrowing == provider.NarrowRefresh
	}
	b.narrowing.mu.Lock()
	defer b.narrowing.mu.Unlock()
	yes, known := b.narrowing.seen[placeOf(p)]
	return yes || !known
}

// SetNarrows remembers what was seen of p.
func (b *Book) SetNarrows(p provider.Provider, yes bool) {
	if p.Narrowing != "" {
		return
	}
	b.narrowing.mu.Lock()
	defer b.narrowing.mu.Unlock()
	if b.narrowing.seen == nil {
		b.narrowing.seen = map[string]bool{}
	}
	b.narrowing.seen[placeOf(p)] = yes
}

func placeOf(p provider.Provider) string { return cmp.Or(p.Issuer, p.Endpoints.Token) }
