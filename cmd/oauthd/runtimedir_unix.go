//go:build unix

package main

import "path/filepath"

// runtimeDir is the directory of what belongs to the socket: where it is.
func runtimeDir(socket string) string { return filepath.Dir(socket) }

// socketIn returns a socket of which dir is the [runtimeDir].
func socketIn(dir string) string { return filepath.Join(dir, "oauthd.sock") }
