//go:build darwin || windows

package desktop

import (
	"context"
	"errors"

	"oauthd/daemon/attend"
	"oauthd/daemon/words"
)

// errNoBus is the answer of a system without a session bus: its notifications take more than a message.
var errNoBus = errors.New("desktop: this system has no notifications that can ask")

// Ask implements [attend.Desktop].
func (d *Desktop) Ask(context.Context, words.Question) (attend.Answer, error) {
	return attend.Answer{}, errNoBus
}

// Tell implements [attend.Desktop].
func (d *Desktop) Tell(context.Context, words.Question) error { return errNoBus }

// Open implements [attend.Desktop].
func (d *Desktop) Open(_ context.Context, url, _ string) error { return d.Opener(url, d.Env) }

func (d *Desktop) choose(context.Context, words.Question) (string, error) { return "", errNoBus }
