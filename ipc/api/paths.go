package api

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// The HTTP paths, version 1. {name} stands for an account's name, {id} for a login's id or the account's name, or for a
// provider's name.
const (
	PathToken    = "/v1/token"
	PathProof    = "/v1/proof"
	PathHold     = "/v1/hold"
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
	PathFiles    = "/v1/files"
	PathStore    = "/v1/store"

	PathMatch     = "/v1/match"
	PathWhoami    = "/v1/whoami"
	PathSockets   = "/v1/sockets"
	PathAudit     = "/v1/audit"
	PathProxied   = "/v1/proxied"
	PathPolicy    = "/v1/policy"
	PathConsents  = "/v1/consent"
	PathConsent   = "/v1/consent/{id}"
	PathProviders = "/v1/providers"
	PathProvider  = "/v1/providers/{id}"
)

// Host is the name clients put in the Host header; the daemon accepts it and "localhost".
const Host = "oauthd"

// Environment is what the places of oauthd's files depend on. Its methods read nothing but it, and never return a path
// that depends on the working directory.
type Environment struct {
	Getenv func(string) string
	UID    int
	GOOS   string
	// RuntimeDirOK reports whether a directory exists, is ours and has mode 0700; it backs the /run/user/UID rule.
	RuntimeDirOK func(dir string) bool
	// UserHome returns the home that the system's list of users has for UID, or "". It is asked only if HOME is not set to
	// an absolute path; nil means that there is no such list.
	UserHome func() string
}

// SocketPath returns where the daemon listens: $OAUTHD_SOCK, else under $XDG_RUNTIME_DIR, else under /run/user/UID
// if that is ours, else under /tmp/oauthd-UID; on macOS under the home's Library; on Windows a named pipe. Only
// $OAUTHD_SOCK can make it relative.
func (e Environment) SocketPath() string {
	path, _ := e.socket()
	return path
}

// SocketVariable returns the name of the environment variable that chose SocketPath; "" if none did.
func (e Environment) SocketVariable() string {
	_, variable := e.socket()
	return variable
}

func (e Environment) socket() (path, variable string) {
	const name = "oauthd.sock"
	if s := e.Getenv("OAUTHD_SOCK"); s != "" {
		if e.GOOS == "windows" {
			s = pipeName(s)
		}
		return s, "OAUTHD_SOCK"
	}
	if e.GOOS == "windows" {
		return e.pipe(), ""
	}
	if e.GOOS == "darwin" {
		if home := e.home(); home != "" {
			return filepath.Join(home, "Library", "Application Support", "oauthd", name), ""
		}
		return filepath.Join("/tmp/oauthd-"+strconv.Itoa(e.UID), name), ""
	}
	if dir := e.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "oauthd", name), "XDG_RUNTIME_DIR"
	}
	if dir := "/run/user/" + strconv.Itoa(e.UID); e.RuntimeDirOK(dir) {
		return filepath.Join(dir, "oauthd", name), ""
	}
	return filepath.Join("/tmp/oauthd-"+strconv.Itoa(e.UID), name), ""
}

// PipeRoot is where Windows has its named pipes.
const PipeRoot = `\\.\pipe\`

// pipe returns the named pipe of Windows' user. Another user's pipe of that name does no harm: its owner is checked.
func (e Environment) pipe() string {
	user := strings.Map(func(r rune) rune {
		if r == '\\' || r == '/' {
			return '-'
		}
		return r
	}, e.Getenv("USERNAME"))
	return strings.TrimSuffix(PipeRoot+"oauthd-"+user, "-")
}

// pipeName returns a pipe's name as Windows has it, if it was written with slashes, as POSIX shells for Windows want.
func pipeName(s string) string {
	if rest, ok := strings.CutPrefix(s, "//./pipe/"); ok {
		return PipeRoot + rest
	}
	return s
}

// ActivatedMark returns the path of the link that is there while systemd holds the socket and starts a daemon for the
// first connection. A client that must not start one looks for it.
func ActivatedMark(socket string) string { return filepath.Join(filepath.Dir(socket), "systemd.sock") }

// OIDCAgentSocket returns where oidc-agent's clients find the daemon that listens on socket: beside it. It is "" for a named
// pipe, which these clients do not know.
func OIDCAgentSocket(socket string) string {
	const name = "oidc-agent.sock"
	switch base := filepath.Base(socket); {
	case strings.HasPrefix(socket, PipeRoot):
		return ""
	case base == "oauthd.sock":
		return filepath.Join(filepath.Dir(socket), name)
	default:
		return filepath.Join(filepath.Dir(socket), strings.TrimSuffix(base, filepath.Ext(base))+"."+name)
	}
}

// MemoryLock returns the path of the lock of a daemon whose store is in memory: it shares nothing with other daemons, so
// its lock is its socket's.
func MemoryLock(socket string) string {
	return strings.TrimSuffix(socket, filepath.Ext(socket)) + ".lock"
}

// ConfigDir returns the directory of config.toml and accounts/: $XDG_CONFIG_HOME/oauthd, else ~/.config/oauthd
// (Windows: %APPDATA%\oauthd). Without a home the error is [ConfigInvalid].
func (e Environment) ConfigDir() (string, error) {
	return e.dir("XDG_CONFIG_HOME", "APPDATA", ".config")
}

// StateDir returns the directory of the lock, the log and the file store: $XDG_STATE_HOME/oauthd, else
// ~/.local/state/oauthd (Windows: %LOCALAPPDATA%\oauthd). Without a home the error is [ConfigInvalid].
func (e Environment) StateDir() (string, error) {
	return e.dir("XDG_STATE_HOME", "LOCALAPPDATA", filepath.Join(".local", "state"))
}

// Home returns the person's home directory: $HOME, else what the system's list of users says. A home that is not an
// absolute path is none, and then the error is [ConfigInvalid].
func (e Environment) Home() (string, error) {
	if home := e.home(); home != "" {
		return home, nil
	}
	return "", e.noHome("HOME")
}

func (e Environment) home() string {
	variable := "HOME"
	if e.GOOS == "windows" {
		variable = "USERPROFILE"
	}
	if home := e.Getenv(variable); filepath.IsAbs(home) {
		return home
	}
	if e.UserHome == nil {
		return ""
	}
	if home := e.UserHome(); filepath.IsAbs(home) {
		return home
	}
	return ""
}

// dir returns our directory under the one that a variable names, else under fallback in the home. A relative path in an
// XDG variable must be ignored (XDG Base Directory Specification).
func (e Environment) dir(xdg, windows, fallback string) (string, error) {
	if dir := e.Getenv(xdg); filepath.IsAbs(dir) {
		return filepath.Join(dir, "oauthd"), nil
	}
	if dir := e.Getenv(windows); e.GOOS == "windows" && filepath.IsAbs(dir) {
		return filepath.Join(dir, "oauthd"), nil
	}
	home := e.home()
	if home == "" {
		return "", e.noHome(xdg)
	}
	return filepath.Join(home, fallback, "oauthd"), nil
}

// noHome is the error of a place that cannot be found without a home; variable would choose it too.
func (e Environment) noHome(variable string) error {
	home, user := "HOME", "uid "+strconv.Itoa(e.UID)
	if e.GOOS == "windows" {
		home, user = "USERPROFILE", "this user"
	}
	why := home + " is not set"
	if e.Getenv(home) != "" {
		why = home + " is not an absolute path"
	}
	err := &Error{Code: ConfigInvalid, Message: "there is no home directory: " + why + ", and the system's list of users has none for " +
		user, Hint: "set " + home + " to the absolute path of your home directory"}
	if variable != "HOME" {
		err.Hint += ", or " + variable + " to a directory of yours"
		if e.Getenv(variable) != "" {
			err.Hint += " (it is a relative path now, and those are ignored)"
		}
	}
	return err
}

// SocketProblem words why the socket's place cannot be used: it names the variable that chose the place, and what to do.
// If cause has a method Advice() string, that goes first.
func (e Environment) SocketProblem(cause error) *Error {
	variable := e.SocketVariable()
	why := cause.Error()
	var at *fs.PathError
	missing := errors.As(cause, &at) && errors.Is(cause, fs.ErrNotExist)
	if missing {
		why = "there is no directory " + at.Path
	}
	p := &Error{Code: ConfigInvalid, Message: "the socket's place cannot be used: " + why,
		Hint: "set XDG_RUNTIME_DIR to a directory of yours with mode 0700"}
	if e.GOOS == "windows" {
		p.Hint = `unset OAUTHD_SOCK, or set it to the name of a pipe, such as \\.\pipe\oauthd`
	}
	switch variable {
	case "XDG_RUNTIME_DIR":
		p.Message += " (XDG_RUNTIME_DIR is " + e.Getenv(variable) + ")"
		p.Hint = "unset XDG_RUNTIME_DIR, or set it to a directory of yours with mode 0700; su - and sudo -i start without it"
		if missing {
			p.Hint += ", and loginctl enable-linger makes the system's one stay"
		}
	case "OAUTHD_SOCK":
		p.Message += " (OAUTHD_SOCK is " + e.Getenv(variable) + ")"
		if e.GOOS != "windows" {
			p.Hint = "unset OAUTHD_SOCK, or set it to a path in a directory of yours with mode 0700"
		}
	}
	var advised interface{ Advice() string }
	if errors.As(cause, &advised) && advised.Advice() != "" {
		p.Hint = advised.Advice()
	}
	return p.Because(cause)
}
