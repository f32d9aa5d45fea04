//go:build unix

package client

import (
	"context"
	"net"
	"os"
	"strconv"
	"syscall"
)

// otherUserHint says what to do if another user's daemon answers.
const otherUserHint = "if that is meant, set OAUTHD_SOCK to the socket and OAUTHD_SOCK_UID to its uid"

// dialSocket connects to the socket at path.
func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}

func userName(uid int) string { return "uid " + strconv.Itoa(uid) }

func ownedBy(fi os.FileInfo, uid int) bool {
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == uid
}
