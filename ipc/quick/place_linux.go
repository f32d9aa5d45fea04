package quick

import "syscall"

// maxPath is the longest path of a socket, with the zero byte at its end.
const maxPath = len(syscall.RawSockaddrUnix{}.Path)

// place is where the daemon should listen, and the user who should run it.
type place struct {
	socket string
	uid    uint32
	// running says that only a daemon that runs may answer, and systemd must not start one.
	running bool
}

// find follows the rules of api.Environment.SocketPath and of package client, and returns false for an environment in
// which they do more than join plain paths. runtimeDirOK backs the /run/user/UID rule.
func find(environ []string, uid int, runtimeDirOK func(dir string, uid uint32) bool) (at place, ok bool) {
	const beneath = "/oauthd/oauthd.sock"
	if !familiar(environ) {
		return place{}, false
	}
	at.uid = uint32(uid)
	at.running = lookup(environ, "OAUTHD_NO_AUTOSTART") != ""
	own := decimal(at.uid)
	if socket := lookup(environ, "OAUTHD_SOCK"); socket != "" {
		at.socket = socket
		if text := lookup(environ, "OAUTHD_SOCK_UID"); text != "" {
			if at.uid, ok = parseUID(text); !ok {
				return place{}, false
			}
		}
	} else if dir := lookup(environ, "XDG_RUNTIME_DIR"); dir != "" {
		at.socket = dir + beneath
	} else if dir := "/run/user/" + own; runtimeDirOK(dir, at.uid) {
		at.socket = dir + beneath
	} else {
		at.socket = "/tmp/oauthd-" + own + "/oauthd.sock"
	}
	return at, plain(at.socket)
}

// proven reports whether the socket and its directory are what the daemon makes: nobody but the expected user can have
// put the socket there.
func (at place) proven() bool {
	dir := at.socket[:len(at.socket)-len(base(at.socket))-1]
	return privateDir(dir, at.uid) && is(at.socket, syscall.S_IFSOCK|0o600, at.uid) && !(at.running && exists(dir+"/systemd.sock"))
}

// privateDir reports whether dir is a directory that belongs to uid and that nobody else may enter.
func privateDir(dir string, uid uint32) bool { return is(dir, syscall.S_IFDIR|0o700, uid) }

// is reports whether there is a file of this type and these permissions at path, which belongs to uid. It follows no
// link.
func is(path string, mode, uid uint32) bool {
	var st syscall.Stat_t
	return syscall.Lstat(path, &st) == nil && st.Mode&(syscall.S_IFMT|0o777) == mode && st.Uid == uid
}

// exists reports whether anything is at path.
func exists(path string) bool {
	var st syscall.Stat_t
	return syscall.Lstat(path, &st) == nil
}

// familiar reports whether we know what every variable of oauthd's own means for a token.
func familiar(environ []string) bool {
	const ours = "OAUTHD_"
	for _, entry := range environ {
		if len(entry) < len(ours) || entry[:len(ours)] != ours {
			continue
		}
		switch name, _ := cut(entry); name {
		case "OAUTHD_SOCK", "OAUTHD_SOCK_UID":
		case "OAUTHD_NO_AUTOSTART", "OAUTHD_PASSPHRASE_FILE": // for when no daemon runs
		default:
			return false
		}
	}
	return true
}

// lookup returns the value of the variable name; "" if it is not set.
func lookup(environ []string, name string) string {
	for _, entry := range environ {
		if n, value := cut(entry); n == name {
			return value
		}
	}
	return ""
}

func cut(entry string) (name, value string) {
	for i := range len(entry) {
		if entry[i] == '=' {
			return entry[:i], entry[i+1:]
		}
	}
	return "", ""
}

// plain reports whether path is absolute, fits in an address, and is what filepath.Clean would return.
func plain(path string) bool {
	if len(path) < 2 || len(path) >= maxPath || path[0] != '/' {
		return false
	}
	for start := 1; start <= len(path); {
		end := start
		for end < len(path) && path[end] != '/' {
			end++
		}
		switch path[start:end] {
		case "", ".", "..":
			return false
		}
		start = end + 1
	}
	return true
}

func decimal(n uint32) string {
	var digits [10]byte
	i := len(digits)
	for {
		i--
		digits[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			return string(digits[i:])
		}
	}
}

// parseUID reads a uid that is written in the usual way and is a positive int on every machine.
func parseUID(text string) (uid uint32, ok bool) {
	const most = 1<<31 - 1
	var n uint64
	for _, c := range []byte(text) { // what is no digit does not come out as it went in
		if n = 10*n + uint64(c-'0'); n > most {
			return 0, false
		}
	}
	uid = uint32(n)
	return uid, decimal(uid) == text
}
