package main

import (
	"os"
	"path/filepath"

	"oauthd/ipc/api"
)

// runtimeDir is the directory of what belongs to the socket. A pipe is in none, so it is one of its name among temporary
// files, which are the person's own.
func runtimeDir(socket string) string { return filepath.Join(os.TempDir(), filepath.Base(socket)) }

// socketIn returns a socket of which dir, a directory among temporary files, is the [runtimeDir].
func socketIn(dir string) string { return api.PipeRoot + filepath.Base(dir) }
