package keystore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oauthd/keystore"
	"oauthd/keystore/storetest"
)

const childVerb = "keychain-child"

const noBusEnv = "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == childVerb {
		if err := keystore.RunChild(os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) > 2 && os.Args[1] == holderVerb {
		_ = hold(os.Args[2])
		os.Exit(1)
	}
	if filepath.Base(os.Args[0]) == "age-plugin-"+pluginName {
		os.Exit(agePlugin())
	}
	os.Exit(m.Run())
}

const holderVerb = "keychain-holder"

// hold makes a call to the keychain that begins and does not end before the fifo end in dir is opened for writing.
func hold(dir string) error {
	k := keystore.NewKeychain(keystore.KeychainConfig{
		Service: "oauthd", Lock: filepath.Join(dir, "lock"), Timeout: time.Minute, Env: []string{noBusEnv},
		Command: []string{"/bin/sh", "-c", `: > "$0/began"; read line < "$0/end"`, dir},
	})
	_, err := k.Get(context.Background(), "work")
	return err
}

// needSecretService keeps tests away from a keychain that is the person's own, whatever the environment says.
func needSecretService(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		t.Skip("the keychain of this system is not reached over a bus")
	}
}

func newKeychain(t *testing.T, env []string, timeout time.Duration) *keystore.Keychain {
	t.Helper()
	needSecretService(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The test's name is there for wantNoChild.
	command := []string{exe, childVerb, t.Name()}
	k := keystore.NewKeychain(keystore.KeychainConfig{Service: "oauthd", Command: command, Env: env, Timeout: timeout})
	k.SetRunUser(t.TempDir())
	return k
}

// wantNoChild looks for processes that newKeychain's command has left, where there is a /proc.
func wantNoChild(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		cmdline, err := os.ReadFile(file)
		if err == nil && bytes.Contains(cmdline, []byte(childVerb+"\x00"+t.Name()+"\x00")) {
			t.Errorf("a child is still there: %s", filepath.Dir(file))
		}
	}
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) keystore.Store { return new(keystore.Memory) })
}

func TestKeychain(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) keystore.Store {
		keyring := storetest.StartKeyring(t, storetest.Keyring{})
		return newKeychain(t, keyring.Env(), 20*time.Second)
	})
}

func TestKeychainItems(t *testing.T) {
	t.Parallel()
	keyring := storetest.StartKeyring(t, storetest.Keyring{})
	k := newKeychain(t, keyring.Env(), 20*time.Second)
	steps := []struct {
		size int
		want []string
	}{
		{100, []string{"work"}},
		{4000, []string{"work", "work/0.0", "work/0.1", "work/0.2"}},
		{2500, []string{"work", "work/1.0", "work/1.1"}},
		{-1, []string{}},
	}
	for _, step := range steps {
		var err error
		if step.size < 0 {
			err = k.Delete(t.Context(), "work")
		} else {
			err = k.Put(t.Context(), "work", make([]byte, step.size))
		}
		if got := keyring.Items(t); err != nil || !slices.Equal(got, step.want) {
			t.Errorf("%d bytes: got items %q, error %v, want %q", step.size, got, err, step.want)
		}
	}
	if err := k.Put(t.Context(), "work", make([]byte, 100_000)); !errors.Is(err, keystore.ErrFull) {
		t.Errorf("Put of 100 kB: got %v, want %v", err, keystore.ErrFull)
	}
}

// every calls the three operations and wants of each what want says.
func every(t *testing.T, k *keystore.Keychain, want error, text string) {
	t.Helper()
	_, getErr := k.Get(t.Context(), "work")
	ops := []struct {
		name string
		err  error
	}{
		{"Get", getErr},
		{"Put", k.Put(t.Context(), "work", []byte("hunter2"))},
		{"Delete", k.Delete(t.Context(), "work")},
	}
	for _, op := range ops {
		wantError(t, op.name, op.err, want, text)
	}
	wantNoChild(t)
}

func wantError(t *testing.T, op string, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(fmt.Sprint(err), text) {
		t.Errorf("%s: got %v, want %v that says %q", op, err, want, text)
	}
	if strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("%s: the error quotes the secret", op)
	}
}

func TestKeyringLocked(t *testing.T) {
	t.Parallel()
	t.Run("from the start", func(t *testing.T) {
		keyring := storetest.StartKeyring(t, storetest.Keyring{Locked: true})
		every(t, newKeychain(t, keyring.Env(), 20*time.Second), keystore.ErrLocked, "locked")
	})
	t.Run("later", func(t *testing.T) {
		keyring := storetest.StartKeyring(t, storetest.Keyring{})
		k := newKeychain(t, keyring.Env(), 20*time.Second)
		if err := k.Put(t.Context(), "work", []byte("before")); err != nil {
			t.Fatal(err)
		}
		keyring.Lock(t)
		every(t, k, keystore.ErrLocked, "locked")
		if got := keyring.Items(t); !slices.Equal(got, []string{"work"}) {
			t.Errorf("got items %q, want work", got)
		}
	})
	t.Run("gone", func(t *testing.T) {
		keyring := storetest.StartKeyring(t, storetest.Keyring{})
		k := newKeychain(t, keyring.Env(), 20*time.Second)
		keyring.Kill(t)
		every(t, k, keystore.ErrUnavailable, "no Secret Service")
	})
}

// The prompts of a scripted service, each with an item already there.
func TestPrompts(t *testing.T) {
	t.Parallel()
	const long, short = 20 * time.Second, 400 * time.Millisecond
	const unanswered, undone = "a prompt may be waiting", "a prompt may have been dismissed"
	tests := []struct {
		name    string
		script  storetest.Script
		timeout time.Duration
		op      string // "" means all three
		want    error  // nil: success
		text    string
	}{
		{"unlock answered", storetest.Script{Unlock: storetest.Answered}, long, "Put", nil, ""},
		{"unlock dismissed", storetest.Script{Unlock: storetest.Dismissed}, long, "", keystore.ErrLocked, "locked"},
		{"unlock ignored", storetest.Script{Unlock: storetest.Ignored}, short, "", keystore.ErrUnavailable, unanswered},
		{"service dies under unlock", storetest.Script{Unlock: storetest.ServiceDies}, short, "Get", keystore.ErrUnavailable, ""},
		{"bus dies before the prompt", storetest.Script{Unlock: storetest.BusDies}, long, "Get", keystore.ErrUnavailable, ""},
		{"bus dies under the prompt", storetest.Script{Unlock: storetest.BusDiesAfter}, long, "Get",
			keystore.ErrUnavailable, "panicked"},
		{"set answered", storetest.Script{Set: storetest.Answered}, long, "Put", nil, ""},
		{"set dismissed", storetest.Script{Set: storetest.Dismissed}, long, "Put", keystore.ErrUnavailable, undone},
		{"set ignored", storetest.Script{Set: storetest.Ignored}, short, "Put", keystore.ErrUnavailable, unanswered},
		{"set fails", storetest.Script{Set: storetest.FailsWithText}, long, "Put",
			keystore.ErrUnavailable, "com.example.Broken"},
		{"bus dies under set", storetest.Script{Set: storetest.BusDiesAfter}, long, "Put",
			keystore.ErrUnavailable, "panicked"},
		{"delete answered", storetest.Script{Delete: storetest.Answered}, long, "Delete", nil, ""},
		{"delete dismissed", storetest.Script{Delete: storetest.Dismissed}, long, "Delete", keystore.ErrUnavailable, undone},
		{"delete ignored", storetest.Script{Delete: storetest.Ignored}, short, "Delete", keystore.ErrUnavailable, unanswered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			service := storetest.StartScripted(t, storetest.Script{})
			if err := newKeychain(t, service.Env(), long).Put(t.Context(), "work", []byte("before")); err != nil {
				t.Fatal(err)
			}
			service.Follow(test.script)
			k := newKeychain(t, service.Env(), test.timeout)
			if test.op == "" {
				every(t, k, test.want, test.text)
				return
			}
			var err error
			switch test.op {
			case "Get":
				_, err = k.Get(t.Context(), "work")
			case "Put":
				err = k.Put(t.Context(), "work", []byte("hunter2"))
			case "Delete":
				err = k.Delete(t.Context(), "work")
			}
			wantError(t, test.op, err, test.want, test.text)
			wantNoChild(t)
		})
	}
}

func TestNoBus(t *testing.T) {
	t.Parallel()
	needSecretService(t)
	const long, short = 20 * time.Second, 400 * time.Millisecond
	t.Run("mute", func(t *testing.T) {
		t.Parallel()
		env := []string{"DBUS_SESSION_BUS_ADDRESS=" + storetest.MuteBus(t)}
		every(t, newKeychain(t, env, short), keystore.ErrUnavailable, "did not answer within 400ms")
	})
	t.Run("without a service", func(t *testing.T) {
		env := []string{"DBUS_SESSION_BUS_ADDRESS=" + storetest.StartBus(t), "GORACE=atexit_sleep_ms=10"}
		every(t, newKeychain(t, env, long), keystore.ErrUnavailable, "no Secret Service")
	})
	t.Run("dead", func(t *testing.T) {
		env := []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + filepath.Join(t.TempDir(), "bus"), "GORACE=atexit_sleep_ms=10"}
		every(t, newKeychain(t, env, long), keystore.ErrUnavailable, "connect: no such file")
	})
	t.Run("no address", func(t *testing.T) {
		dir := t.TempDir()
		marker := filepath.Join(dir, "started")
		script := "#!/bin/sh\n: > " + marker + "\n"
		launcher := filepath.Join(dir, "dbus-launch")
		if err := os.WriteFile(launcher, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		// The child is the launcher too: neither may run.
		k := keystore.NewKeychain(keystore.KeychainConfig{
			Service: "oauthd", Command: []string{launcher}, Env: []string{"PATH=" + dir},
		})
		k.SetRunUser(dir)
		every(t, k, keystore.ErrUnavailable, "no session bus")
		if _, err := os.Stat(marker); err == nil {
			t.Error("a program was started, want none")
		}
	})
}

func TestChildThatIsNone(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		command []string
		text    string
	}{
		{"none", nil, "no command"},
		{"absent", []string{"/nonexistent/program"}, "no such file"},
		{"silent", []string{"/bin/true"}, "did not answer in JSON"},
		{"failing", []string{"/bin/sh", "-c", "echo hunter2; echo hunter2 >&2; exit 3"}, "exit status 3"},
		{"talkative", []string{"/bin/sh", "-c", "cat; while :; do echo hunter2hunter2hunter2hunter2; done"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			k := keystore.NewKeychain(keystore.KeychainConfig{
				Service: "oauthd", Command: test.command, Timeout: time.Second,
				Env: []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"},
			})
			err := k.Put(t.Context(), "work", []byte("hunter2"))
			wantError(t, "Put", err, keystore.ErrUnavailable, test.text)
		})
	}
}

func TestContextEndsUnderPrompt(t *testing.T) {
	t.Parallel()
	service := storetest.StartScripted(t, storetest.Script{Unlock: storetest.Ignored})
	k := newKeychain(t, service.Env(), 20*time.Second)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-service.Prompted
		cancel()
	}()
	_, err := k.Get(ctx, "work")
	wantError(t, "Get, cancelled", err, context.Canceled, "")
	if errors.Is(err, keystore.ErrUnavailable) {
		t.Errorf("Get, cancelled: got %v, which blames the store", err)
	}

	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = k.Get(ctx, "work")
	wantError(t, "Get, deadline", err, context.DeadlineExceeded, "did not answer within its deadline")
	wantError(t, "Get, deadline", err, keystore.ErrUnavailable, "")
	wantNoChild(t)
}

// With all four places taken by calls that hang, and one write of each name under way, others end in time.
func TestWaitingForAPlace(t *testing.T) {
	t.Parallel()
	service := storetest.StartScripted(t, storetest.Script{Unlock: storetest.Ignored})
	k := newKeychain(t, service.Env(), 20*time.Second)
	hanging, letGo := context.WithCancel(t.Context())
	defer letGo()
	var calls sync.WaitGroup
	for i := range 4 {
		calls.Go(func() {
			err := k.Put(hanging, fmt.Sprintf("account-%d", i), []byte("hunter2"))
			wantError(t, "Put that hangs", err, context.Canceled, "")
		})
		<-service.Prompted
	}
	tests := []struct {
		name string
		ctx  func() (context.Context, context.CancelFunc)
		to   string
		want error
		text string
	}{
		{"deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		}, "work", keystore.ErrUnavailable, "other calls were still waiting"},
		{"deadline, same name", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 50*time.Millisecond)
		}, "account-0", keystore.ErrUnavailable, "another write of it"},
		{"cancelled", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(50*time.Millisecond, cancel)
			return ctx, cancel
		}, "work", context.Canceled, ""},
	}
	for _, test := range tests {
		ctx, cancel := test.ctx()
		wantError(t, test.name, k.Put(ctx, test.to, []byte("hunter2")), test.want, test.text)
		cancel()
	}
	letGo()
	calls.Wait()
	if n := len(service.Prompted); n != 0 {
		t.Errorf("got %d prompts more than places, want none", n)
	}
	wantNoChild(t)
}
