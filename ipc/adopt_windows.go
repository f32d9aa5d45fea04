package ipc

import (
	"errors"
	"net"
	"os"
)

// Adopt is [errors.ErrUnsupported]: Windows has nothing that passes a named pipe on.
func Adopt(*os.File, string) (net.Listener, error) { return nil, errors.ErrUnsupported }
