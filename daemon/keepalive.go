package daemon

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"oauthd/daemon/book"
	"oauthd/daemon/mint"
	"oauthd/daemon/token"
	"oauthd/daemon/vault"
)

// This file keeps logins alive that nobody uses: providers end a refresh token that has not been used for long.

const (
	// The first look at records comes when start-up and the first rush are over, later ones come now and then. What is
	// due then has months or days left, so that nothing of this is in a hurry.
	keepAliveFirst = 5 * time.Minute
	keepAliveEvery = time.Hour
	// keepAliveResumed is how long after a suspend a round begins, when the network is back.
	keepAliveResumed = time.Minute
	// surveyPause stands between two records that are read, keepAlivePause, and up to as much again, between two
	// refreshes, of which none is waited for longer than keepAliveWait.
	surveyPause    = 100 * time.Millisecond
	keepAlivePause = time.Second
	keepAliveWait  = 10 * time.Second
	// surveyTimeout bounds the reading of one record.
	surveyTimeout = 10 * time.Second
)

// Resumed says that the machine has woken from a suspend: what came due meanwhile is looked at now.
func (d *Daemon) Resumed() {
	d.tokens.Wake()
	d.files.Changed("")
	d.idle.look()
	select {
	case d.resumed <- struct{}{}:
	default:
	}
}

// keepAlive refreshes what would otherwise end of disuse, until ctx ends.
func (d *Daemon) keepAlive(ctx context.Context) {
	next := time.Now().Add(keepAliveFirst + rand.N(time.Minute))
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			d.keepAliveRound(ctx)
			next = time.Now().Add(keepAliveEvery + rand.N(time.Minute))
		case <-d.resumed:
			// Jumps may follow each other for hours; none puts off what is due sooner.
			if soon := time.Now().Add(keepAliveResumed + rand.N(time.Minute)); soon.Before(next) {
				next = soon
			}
		case <-ctx.Done():
			return
		}
		timer.Reset(time.Until(next))
	}
}

// keepAliveRound looks once at each account. It reads the records that nobody has asked for yet, slowly, and while the
// store answers.
func (d *Daemon) keepAliveRound(ctx context.Context) {
	storeAnswers := true
	for _, name := range d.book.Names() {
		a, ok := d.book.Configured(name)
		if !ok {
			continue
		}
		f, known := d.book.KnownFacts(name)
		if !known {
			if !storeAnswers {
				continue
			}
			if mint.Pause(ctx, surveyPause) != nil {
				return
			}
			var err error
			if f, err = d.survey(ctx, name); err != nil {
				storeAnswers = errors.Is(err, vault.ErrUnreadable)
				continue
			}
		}
		d.attend.Changed(name) // the end of a login comes nearer
		if !d.book.KeepAliveDue(a, f) {
			continue
		}
		if mint.Pause(ctx, keepAlivePause+rand.N(keepAlivePause)) != nil {
			return
		}
		d.refreshUnasked(ctx, name)
	}
}

func (d *Daemon) survey(ctx context.Context, name string) (book.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	return d.book.Facts(ctx, name)
}

// refreshUnasked refreshes name's login without keeping its tokens fresh from then on. It waits only so long, so that a
// provider that hangs does not hold up the round; the refresh goes on. What fails is tried again in the next round.
func (d *Daemon) refreshUnasked(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, keepAliveWait)
	defer cancel()
	// Mint logs what comes of it.
	_, _ = d.tokens.Token(ctx, token.Request{Key: token.Key{Account: name}, Force: true, Unasked: true})
}
