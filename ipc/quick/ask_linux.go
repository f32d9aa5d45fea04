package quick

import "syscall"

const (
	// patience is how long one step may take, in nanoseconds. A token that the daemon has at hand takes a hundredth of
	// it. The usual path waits longer, and says something when it is interrupted.
	patience = 100e6
	// maxAnswer is more than a token and what is said about it. A longer answer does not come in one piece either.
	maxAnswer = 32 << 10
)

// ask sends a request for a token, which is a line, to the daemon, if everything proves that it is the expected user's, and returns
// the answer. No step takes longer than patience, in nanoseconds.
func ask(at place, request []byte, patience int64) (answer []byte, ok bool) {
	if !at.proven() {
		return nil, false
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	defer syscall.Close(fd)
	limit := syscall.NsecToTimeval(patience)
	for _, way := range []int{syscall.SO_SNDTIMEO, syscall.SO_RCVTIMEO} { // the first one is for connecting too
		if syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, way, &limit) != nil {
			return nil, false
		}
	}
	if syscall.Connect(fd, &syscall.SockaddrUnix{Name: at.socket}) != nil {
		return nil, false
	}
	server, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil || server.Uid != at.uid {
		return nil, false
	}
	if n, err := syscall.Write(fd, request); err != nil || n != len(request) {
		return nil, false
	}
	answer = make([]byte, maxAnswer)
	n, err := syscall.Read(fd, answer)
	if err != nil || n <= 0 {
		return nil, false
	}
	return answer[:n], true
}

// named is the request for the token of the account of that name.
func named(account string) []byte { return []byte(`{"account":"` + account + "\"}\n") }
