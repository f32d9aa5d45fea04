package consent

import (
	"context"
	"errors"
	"os/exec"
	"slices"

	"oauthd/daemon/hook"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Askpass asks with a program as ssh-agent does (SSH_ASKPASS in ssh-add(1)): the question is its argument, and it ends with
// status 0 for yes.
type Askpass struct {
	// Program is its path; "" if there is none.
	Program string
	// Env is its environment.
	Env []string
}

// Ask implements [Way]. Yes is for until the store is locked, or for once if every use is asked about.
func (a Askpass) Ask(ctx context.Context, q api.Question, text words.Question) (string, error) {
	if a.Program == "" {
		return "", ErrNoPerson
	}
	run := hook.Runner{Env: a.Env, Timeout: patience}
	err := run.Run(ctx, hook.Command{Argv: []string{a.Program, text.Summary + "\n\n" + text.Body}, Facts: []string{"SSH_ASKPASS_PROMPT=confirm"}})
	var ended *exec.ExitError
	switch {
	case err == nil && slices.Contains(q.Answers, api.ConsentLock):
		return api.ConsentLock, nil
	case err == nil:
		return api.ConsentOnce, nil
	case errors.As(err, &ended):
		return api.ConsentDeny, nil
	}
	return "", err
}
