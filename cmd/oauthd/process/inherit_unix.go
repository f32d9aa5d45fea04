//go:build unix

package process

import (
	"os"

	"golang.org/x/sys/unix"
)

// StartsAnew says that a process can become another program.
const StartsAnew = true

// Inherited returns the file that fd is, which our children do not get; nil if it is none.
func Inherited(fd uint) *os.File {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "socket")
}

// Inheritable returns the descriptor of f, which the program that this process becomes gets.
func Inheritable(f *os.File) (fd uint, err error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	outer := conn.Control(func(n uintptr) {
		fd = uint(n)
		_, err = unix.FcntlInt(n, unix.F_SETFD, 0)
	})
	if outer != nil {
		return 0, outer
	}
	return fd, err
}
