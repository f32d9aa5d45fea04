package files

import (
	"context"
	"path/filepath"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// checkCaller refuses a request for a file at a path, unless it comes from the program oauthd beside us. A socket may be
// forwarded to a container or another machine, for tokens; files with any text, and commands, would be the whole account
// of the person. Programs of this user's that run here need no help of ours for that.
func checkCaller(ctx context.Context) error {
	if FromOauthd(ctx) {
		return nil
	}
	return &api.Error{Code: api.Forbidden, Message: "only the program oauthd, on this machine and in no container, may name the path of a file",
		Hint: "run there: oauthd file NAME PATH"}
}

// FromOauthd reports whether a request comes from the program oauthd beside us, the daemon itself included, or, where the system
// does not name the program that asks, may come from it.
func FromOauthd(ctx context.Context) bool {
	caller, ok := account.CallerFrom(ctx)
	if !ok || !knowsCallers {
		return true
	}
	program := strings.TrimSuffix(filepath.Base(caller.Program()), ".exe")
	return program == "oauthd" && sameView(caller.PID)
}
