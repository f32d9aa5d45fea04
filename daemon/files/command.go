package files

import (
	"strings"
	"time"

	"oauthd/daemon/hook"
)

// changed has the command run that goes with e, once more if it is running.
func (k *Keeper) changed(e *entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case e.request.OnChange == "" || k.over || e.over:
	case e.commandRuns:
		e.commandAgain = true
	default:
		e.commandRuns = true
		k.work.Go(func() { k.runCommand(e) })
	}
}

// runCommand runs e's command until the file has not changed meanwhile.
func (k *Keeper) runCommand(e *entry) {
	for again := true; again; {
		k.mu.Lock()
		r, ends := e.request, e.state.ExpiresAt
		e.commandAgain = false
		k.mu.Unlock()
		c := hook.Command{Line: r.OnChange, Facts: []string{"OAUTHD_FILE=" + e.path, "OAUTHD_ACCOUNT=" + r.Account}}
		if ends != nil {
			c.Facts = append(c.Facts, "OAUTHD_EXPIRES_AT="+ends.UTC().Format(time.RFC3339))
		}
		failure := ""
		if err := k.cfg.Hooks.Run(e.ctx, c); err != nil && e.ctx.Err() == nil {
			failure = k.withoutSecrets(e, err.Error())
			k.cfg.Log.Warn().Str("account", r.Account).Str("file", e.path).Str("error", failure).Msg("the command after a change failed")
		}
		k.mu.Lock()
		e.state.OnChangeError = failure
		e.commandRuns = e.commandAgain && e.ctx.Err() == nil
		again = e.commandRuns
		k.mu.Unlock()
	}
}

// withoutSecrets returns what a command said, unless a part of what is in the file is in it.
func (k *Keeper) withoutSecrets(e *entry, text string) string {
	const part = 10 // characters in a row
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, secret := range e.secrets {
		for i := range text {
			if end := i + min(part, len(secret)); secret != "" && end <= len(text) && strings.Contains(secret, text[i:end]) {
				status, _, _ := strings.Cut(text, ":")
				return status + ": what it wrote is not shown, because the token is in it"
			}
		}
	}
	return text
}
