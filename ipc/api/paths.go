package api

import (
	"fmt"
	"path/filepath"
)

// The HTTP paths, version 1. {name} stands for an account's name, {id} for a login's id or the account's name, or for a
// provider's name.
const (
	PathToken    = "/v1/token"
	PathAccounts = "/v1/accounts"
	PathAccount  = "/v1/accounts/{name}"
	PathLogin    = "/v1/accounts/{name}/login"
	PathLogout   = "/v1/accounts/{name}/logout"
	PathCallback = "/v1/logins/{id}/callback"
	PathStatus   = "/v1/status"
	PathShutdown = "/v1/shutdown"
	PathWatch    = "/v1/watch"
	PathReload   = "/v1/reload"
	PathLock     = "/v1/lock"
	PathUnlock   = "/v1/unlock"
	PathImport   = "/v1/import"

	PathProviders = "/v1/providers"
	PathProvider  = "/v1/providers/{id}"
)

// Host is the name clients put in the Host header; the daemon accepts it and "localhost".
const Host = "oauthd"

// Environment is what the places of oauthd's files depend on. Its functions read nothing but it.
type Environment struct {
	Getenv func(string) string
	UID    int
	GOOS   string
	// RuntimeDirOK reports whether a directory exists, is ours and has mode 0700; it backs the /run/user/UID rule.
	RuntimeDirOK func(dir string) bool
}

// SocketPath returns where the daemon listens: $OAUTHD_SOCK, else under $XDG_RUNTIME_DIR, else under /run/user/UID
// when that is ours, else under /tmp/oauthd-UID; on macOS under the home's Library.
func (e Environment) SocketPath() string {
	const name = "oauthd.sock"
	if s := e.Getenv("OAUTHD_SOCK"); s != "" {
		return s
	}
	if e.GOOS == "darwin" {
		return filepath.Join(e.Getenv("HOME"), "Library", "Application Support", "oauthd", name)
	}
	if dir := e.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "oauthd", name)
	}
	if dir := fmt.Sprintf("/run/user/%d", e.UID); e.RuntimeDirOK(dir) {
		return filepath.Join(dir, "oauthd", name)
	}
	return filepath.Join(fmt.Sprintf("/tmp/oauthd-%d", e.UID), name)
}

// ConfigDir returns the directory of config.toml and accounts/: $XDG_CONFIG_HOME/oauthd, else ~/.config/oauthd.
func (e Environment) ConfigDir() string { return e.xdg("XDG_CONFIG_HOME", ".config") }

// StateDir returns the directory of the lock and the log: $XDG_STATE_HOME/oauthd, else ~/.local/state/oauthd.
func (e Environment) StateDir() string { return e.xdg("XDG_STATE_HOME", ".local/state") }

func (e Environment) xdg(name, fallback string) string {
	// A relative path in an XDG variable must be ignored (XDG Base Directory Specification).
	if dir := e.Getenv(name); filepath.IsAbs(dir) {
		return filepath.Join(dir, "oauthd")
	}
	return filepath.Join(e.Getenv("HOME"), filepath.FromSlash(fallback), "oauthd")
}

// LockFile is the content of the lock file: who holds the lock, and where it listens.
type LockFile struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}
