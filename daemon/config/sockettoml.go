package config

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"oauthd/daemon/account"
	"oauthd/ipc/api"

	"github.com/pelletier/go-toml/v2"
)

// socketTable is the name of the tables of restricted sockets.
const socketTable = "socket"

// socketKeys are the keys of a [[socket]].
type socketKeys struct {
	Path string `toml:"path"`
	limitKeys
	Exe string `toml:"exe,omitempty"`
	UID *int   `toml:"uid,omitempty"`
}

// sockets are the restricted sockets that the keys name. Mistakes are added to s.
func (k accountKeys) sockets(s *source, name string) (all []account.Socket) {
	at := s.line(socketTable, "")
	for _, one := range k.Sockets {
		if !filepath.IsAbs(one.Path) {
			s.add(at, "path: %q is no absolute path", api.Excerpt(one.Path))
		}
		if _, err := path.Match(one.Exe, ""); err != nil {
			s.add(at, "exe: %q is no pattern: a [ has no ]", api.Excerpt(one.Exe))
		}
		for _, wrong := range one.wrong() {
			s.add(at, "%s", wrong)
		}
		socket := account.Socket{Name: filepath.Clean(one.Path), Account: name, UID: os.Getuid(), Exe: one.Exe, Limits: one.limits()}
		if one.UID != nil {
			socket.UID = *one.UID
		}
		all = append(all, socket)
	}
	return all
}

// encodeSockets returns the text of sockets, each a table of its own.
func encodeSockets(sockets []account.Socket) ([]byte, error) {
	var out bytes.Buffer
	for _, s := range sockets {
		keys := socketKeys{Path: s.Name, limitKeys: limitKeysOf(s.Limits), Exe: s.Exe}
		if s.UID != os.Getuid() {
			keys.UID = &s.UID
		}
		text, err := toml.Marshal(keys)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "\n[[%s]]\n%s", socketTable, text)
	}
	return out.Bytes(), nil
}

// SocketText returns a socket as it stands in an account's file.
func SocketText(s account.Socket) string {
	text, err := encodeSockets([]account.Socket{s})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
