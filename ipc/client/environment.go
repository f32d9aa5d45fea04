package client

import (
	"os"
	"os/user"
	"runtime"
	"strconv"

	"oauthd/ipc/api"
)

// DefaultEnvironment is the environment of this process. It is the one place of this package that reads it.
func DefaultEnvironment() api.Environment {
	return api.Environment{
		Getenv: os.Getenv,
		UID:    os.Getuid(),
		GOOS:   runtime.GOOS,
		RuntimeDirOK: func(dir string) bool {
			fi, err := os.Lstat(dir)
			return err == nil && fi.IsDir() && fi.Mode().Perm() == 0o700 && ownedBy(fi, os.Getuid())
		},
		UserHome: func() string {
			u, err := user.LookupId(strconv.Itoa(os.Getuid()))
			if err != nil {
				return ""
			}
			return u.HomeDir
		},
	}
}

func (c *Client) environment() api.Environment {
	if c.Environment.Getenv == nil {
		return DefaultEnvironment()
	}
	return c.Environment
}
