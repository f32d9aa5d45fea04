package storetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	secretsName     = "org.freedesktop.secrets"
	secretsPath     = dbus.ObjectPath("/org/freedesktop/secrets")
	loginCollection = secretsPath + "/collection/login"
	ifaceService    = "org.freedesktop.Secret.Service"
	ifaceCollection = "org.freedesktop.Secret.Collection"
	ifaceItem       = "org.freedesktop.Secret.Item"
	ifaceSession    = "org.freedesktop.Secret.Session"
	ifacePrompt     = "org.freedesktop.Secret.Prompt"
	ifaceProperties = "org.freedesktop.DBus.Properties"

	startTimeout = 10 * time.Second
)

// Keyring describes what [StartKeyring] starts.
type Keyring struct {
	// Locked starts a keyring that wants its password; as no prompter runs, its prompts are dismissed at once.
	Locked bool
}

// SecretService is a running gnome-keyring on a bus of its own.
type SecretService struct {
	// Address is the bus'.
	Address string
	// Dir holds everything: the bus' socket, HOME (Dir/home) with the keyring file. It is also XDG_RUNTIME_DIR.
	Dir string

	conn    *dbus.Conn
	process *os.Process
	kill    func()
}

// StartKeyring starts gnome-keyring on a bus of its own and returns once it answers. Both end with the test.
func StartKeyring(t testing.TB, k Keyring) *SecretService {
	t.Helper()
	Need(t, "dbus-daemon", "gnome-keyring-daemon")
	s := &SecretService{Dir: shortDir(t)}
	s.Address = startBus(t, s.Dir).address
	s.conn = connect(t, s.Address)
	s.start(t, k)
	return s
}

func (s *SecretService) start(t testing.TB, k Keyring) {
	t.Helper()
	owner := make(chan *dbus.Signal, 16)
	s.conn.Signal(owner)
	if err := s.conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, secretsName)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("gnome-keyring-daemon", "--foreground", "--components=secrets",
		"--control-directory="+filepath.Join(s.Dir, "keyring"))
	if !k.Locked {
		cmd.Args = append(cmd.Args, "--unlock")
		cmd.Stdin = strings.NewReader("password of a test")
	}
	cmd.Env = append(homeEnv(s.Dir), "DBUS_SESSION_BUS_ADDRESS="+s.Address)
	s.kill = startProcess(t, cmd)
	s.process = cmd.Process
	timeout := time.After(startTimeout)
	for {
		select {
		case signal := <-owner:
			if signal != nil && strings.HasSuffix(signal.Name, ".NameOwnerChanged") {
				s.conn.RemoveSignal(owner)
				return
			}
		case <-timeout:
			t.Fatalf("gnome-keyring-daemon: no %s on the bus after %v", secretsName, startTimeout)
		}
	}
}

// Env returns the environment of a desktop session with this keyring: PATH, HOME, XDG_RUNTIME_DIR,
// DBUS_SESSION_BUS_ADDRESS and GORACE, and nothing else.
func (s *SecretService) Env() []string { return sessionEnv(s.Dir, s.Address) }

// Lock locks the login keyring, as a screen locker might.
func (s *SecretService) Lock(t testing.TB) {
	t.Helper()
	var locked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := s.conn.Object(secretsName, secretsPath).
		Call(ifaceService+".Lock", 0, []dbus.ObjectPath{loginCollection}).Store(&locked, &prompt)
	if err != nil || len(locked) != 1 {
		t.Fatalf("lock the keyring: got %v, error %v, want one locked", locked, err)
	}
}

// Kill ends the keyring, not the bus.
func (s *SecretService) Kill(testing.TB) { s.kill() }

// Restart starts the keyring again after it was killed, unlocked and with the items it had.
func (s *SecretService) Restart(t testing.TB) {
	t.Helper()
	s.start(t, Keyring{})
}

// Items returns the sorted names of the items of the service oauthd, parts of split records included. Locked ones
// count too.
func (s *SecretService) Items(t testing.TB) []string {
	t.Helper()
	var unlocked, locked []dbus.ObjectPath
	err := s.conn.Object(secretsName, secretsPath).
		Call(ifaceService+".SearchItems", 0, map[string]string{"service": "oauthd"}).Store(&unlocked, &locked)
	if err != nil {
		t.Fatalf("list the keyring: %v", err)
	}
	names := []string{}
	for _, path := range append(unlocked, locked...) {
		attributes, err := s.conn.Object(secretsName, path).GetProperty(ifaceItem + ".Attributes")
		if err != nil {
			t.Fatalf("list the keyring: %v", err)
		}
		values, ok := attributes.Value().(map[string]string)
		if !ok {
			t.Fatalf("list the keyring: attributes are %s", attributes.Signature())
		}
		names = append(names, values["username"])
	}
	slices.Sort(names)
	return names
}
