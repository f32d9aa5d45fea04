package ipc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"oauthd/ipc/own"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipeBuffer is how much a pipe holds of what the other end has not read yet, in bytes.
const pipeBuffer = 16 << 10

// Listen creates the named pipe path and listens on it. Its owner is this process's user, and its access list admits that
// user alone, from this machine. If somebody has a pipe of that name, the error is [ErrInUse]. Closing the listener, or the
// end of the process, removes the pipe.
func Listen(path string) (net.Listener, error) {
	if err := own.SocketFits(path); err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	sid := user.User.Sid.String()
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: fmt.Sprintf("O:%sD:P(D;;GA;;;NU)(A;;GA;;;%s)", sid, sid),
		InputBufferSize:    pipeBuffer,
		OutputBufferSize:   pipeBuffer,
	})
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED), errors.Is(err, windows.ERROR_PIPE_BUSY), errors.Is(err, windows.ERROR_ALREADY_EXISTS):
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, ErrInUse) // a name can be made once
	case err != nil:
		return nil, fmt.Errorf("ipc: listen on %s: %w", path, err)
	}
	occupy(path)
	return l, nil
}

// occupy connects to the first instance of a pipe, with which go-winio only holds the name. Windows lets no client in there;
// wine does, and nobody would ever answer the first one.
func occupy(path string) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ|windows.GENERIC_WRITE, 0, nil, windows.OPEN_EXISTING, 0, 0)
	if err == nil {
		_ = windows.CloseHandle(h)
	}
}

// Answers reports whether somebody accepts connections at path.
func Answers(path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := winio.DialPipeContext(ctx, path)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// ListenRestricted is [Listen] here: a pipe admits no other user.
func ListenRestricted(path string, _ bool) (net.Listener, error) { return Listen(path) }
