//go:build !darwin && !windows

package keystore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oauthd/ipc/own"

	"github.com/godbus/dbus/v5"
)

const busVariable = "DBUS_SESSION_BUS_ADDRESS"

// settleBus returns env with the address of the session bus in it. If there is none, that is an error here: godbus
// would look elsewhere and then run dbus-launch, which starts a bus that nothing ends.
func settleBus(env []string, runUser string, uid int) ([]string, error) {
	var address, runtimeDir string
	for _, entry := range env {
		switch key, value, _ := strings.Cut(entry, "="); key {
		case busVariable:
			address = value
		case "XDG_RUNTIME_DIR":
			runtimeDir = value
		}
	}
	if address != "" && address != "autolaunch:" {
		return env, nil
	}
	env = slices.DeleteFunc(slices.Clone(env), func(entry string) bool {
		return strings.HasPrefix(entry, busVariable+"=")
	})
	for _, dir := range []string{runtimeDir, filepath.Join(runUser, strconv.Itoa(uid))} {
		if !filepath.IsAbs(dir) { // XDG Base Directory Specification: ignored
			continue
		}
		path := filepath.Join(dir, "bus")
		if info, err := os.Stat(path); err == nil && info.Mode()&os.ModeSocket != 0 && own.Ours(info) {
			return append(env, busVariable+"=unix:path="+dbus.EscapeBusAddressValue(path)), nil
		}
	}
	return nil, fmt.Errorf("%w: %s is not set and %s/%d/bus is not a socket",
		ErrNoBus, busVariable, runUser, uid)
}

// SessionBus returns the address of the session bus of a process with the environment env, whose user is uid, or
// [ErrNoBus].
func SessionBus(env []string, uid int) (string, error) {
	env, err := settleBus(env, "/run/user", uid)
	if err != nil {
		return "", err
	}
	for _, entry := range slices.Backward(env) {
		if address, ok := strings.CutPrefix(entry, busVariable+"="); ok {
			return address, nil
		}
	}
	return "", ErrNoBus
}

// busErrorName returns the name of the D-Bus error in err's tree; "" if there is none.
func busErrorName(err error) string {
	var value dbus.Error
	if errors.As(err, &value) {
		return value.Name
	}
	var pointer *dbus.Error
	if errors.As(err, &pointer) {
		return pointer.Name
	}
	return ""
}
