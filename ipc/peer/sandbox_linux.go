package peer

import (
	"path"
	"strings"
)

// place returns the sandbox and the unit that the process is in.
func (h handle) place() (app, unit string) {
	group := controlGroup(h.read("cgroup"))
	unit = unitOf(group)
	if info := h.read("root/.flatpak-info"); info != "" {
		return flatpak(info), unit
	}
	if name, ok := snap(group); ok {
		return "snap:" + name, unit
	}
	return "", unit
}

// flatpak returns the application's id from its .flatpak-info, in which it is the name of the application.
func flatpak(info string) string {
	section := ""
	for line := range strings.Lines(info) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = line
		}
		if name, ok := strings.CutPrefix(line, "name="); ok && (section == "[Application]" || section == "[Runtime]") {
			return "flatpak:" + name
		}
	}
	return ""
}

// controlGroup returns the path of the process's cgroup of systemd's, of version 2 or else of version 1.
func controlGroup(text string) string {
	old := ""
	for line := range strings.Lines(text) {
		if at, ok := strings.CutPrefix(line, "0::"); ok {
			return strings.TrimSuffix(at, "\n")
		}
		if _, at, ok := strings.Cut(line, ":name=systemd:"); ok {
			old = strings.TrimSuffix(at, "\n")
		}
	}
	return old
}

// unitOf returns the innermost unit or scope in the path of a cgroup.
func unitOf(group string) string {
	for group != "" && group != "/" && group != "." {
		switch name := path.Base(group); path.Ext(name) {
		case ".service", ".scope", ".socket":
			return name
		}
		group = path.Dir(group)
	}
	return ""
}

// snap returns the name of the snap in the path of a cgroup: snap.NAME.APP.UUID.scope or snap.NAME.APP.service.
func snap(group string) (name string, ok bool) {
	for part := range strings.SplitSeq(group, "/") {
		if rest, found := strings.CutPrefix(part, "snap."); found {
			name, _, ok = strings.Cut(rest, ".")
			return name, ok
		}
	}
	return "", false
}
