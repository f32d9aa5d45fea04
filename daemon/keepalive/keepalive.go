// Package keepalive keeps logins alive that nobody uses: providers end a refresh token that has not been used for long. It
// looks at each account now and then, reads records slowly and while the store answers, and has refreshed what is due.
package keepalive

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/book"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
)

const (
	// First is how long after the start the first round comes, when start-up and the first rush are over, and Every how
	// long after another the next one. What is due then has months or days left, so that nothing of this is in a hurry.
	First = 5 * time.Minute
	Every = time.Hour
	// AfterSuspend is how long after a suspend a round begins, when the network is back.
	AfterSuspend = time.Minute

	// surveyPause stands between two records that are read, refreshPause, and up to as much again, between two refreshes,
	// of which none is waited for longer than refreshWait.
	surveyPause  = 100 * time.Millisecond
	refreshPause = time.Second
	refreshWait  = 10 * time.Second
	// surveyTimeout bounds the reading of one record.
	surveyTimeout = 10 * time.Second
)

// Tokens is where a Keeper has a login refreshed.
type Tokens interface {
	Token(ctx context.Context, r token.Request) (account.Token, error)
}

// Config is what a Keeper is made of.
type Config struct {
	Book   *book.Book
	Tokens Tokens
	// Looked is called with the name of each account that was looked at: the end of its login comes nearer.
	Looked func(name string)
}

// Keeper keeps logins alive. It is safe for concurrent use.
type Keeper struct {
	cfg     Config
	resumed chan struct{} // holds one element when the machine has woken up
}

// New makes a Keeper.
func New(cfg Config) *Keeper { return &Keeper{cfg: cfg, resumed: make(chan struct{}, 1)} }

// Resumed says that the machine has woken from a suspend, during which logins may have come due.
func (k *Keeper) Resumed() {
	select {
	case k.resumed <- struct{}{}:
	default:
	}
}

// Run refreshes what would otherwise end of disuse, until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	next := time.Now().Add(First + rand.N(time.Minute))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			k.round(ctx)
			next = time.Now().Add(Every + rand.N(time.Minute))
		case <-k.resumed:
			// Jumps may follow each other for hours; none puts off what is due sooner.
			if soon := time.Now().Add(AfterSuspend + rand.N(time.Minute)); soon.Before(next) {
				next = soon
			}
		case <-ctx.Done():
			return
		}
		timer.Reset(time.Until(next))
	}
}

// round looks once at each account. It reads the records that nobody has asked for yet, slowly, and while the store
// answers.
func (k *Keeper) round(ctx context.Context) {
	storeAnswers := true
	for _, name := range k.cfg.Book.Names() {
		a, ok := k.cfg.Book.Configured(name)
		if !ok {
			continue
		}
		f, known := k.cfg.Book.KnownFacts(name)
		if !known {
			if !storeAnswers {
				continue
			}
			if token.Pause(ctx, surveyPause) != nil {
				return
			}
			var err error
			if f, err = k.survey(ctx, name); err != nil {
				storeAnswers = errors.Is(err, vault.ErrUnreadable)
				continue
			}
		}
		k.cfg.Looked(name)
		if !k.cfg.Book.KeepAliveDue(a, f) {
			continue
		}
		if token.Pause(ctx, refreshPause+rand.N(refreshPause)) != nil {
			return
		}
		k.refresh(ctx, name)
	}
}

func (k *Keeper) survey(ctx context.Context, name string) (book.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	return k.cfg.Book.Facts(ctx, name)
}

// refresh refreshes name's login without keeping its tokens fresh from then on. It waits only so long, so that a
// provider that hangs does not hold up the round; the refresh goes on. What fails is tried again in the next round.
func (k *Keeper) refresh(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, refreshWait)
	defer cancel()
	// Mint logs what comes of it.
	_, _ = k.cfg.Tokens.Token(ctx, token.Request{Key: token.Key{Account: name}, Force: true, Unasked: true})
}
