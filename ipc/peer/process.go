package peer

import "errors"

// ErrGone is returned by [OpenProcess] if the process has ended.
var ErrGone = errors.New("peer: the process has ended")
