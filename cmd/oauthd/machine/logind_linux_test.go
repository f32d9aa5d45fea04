package machine

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"oauthd/keystore/storetest"

	"github.com/godbus/dbus/v5"
)

const waitLimit = 30 * time.Second

// watching runs WatchLogind on the system bus at address. resumed gets one element for each wake-up; ended is closed
// when it has returned, which it has at the test's end.
func watching(t *testing.T, address string) (resumed <-chan struct{}, stop func(), ended <-chan struct{}) {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	ctx, cancel := context.WithCancel(context.Background())
	woken, returned := make(chan struct{}, 1000), make(chan struct{})
	go func() {
		defer close(returned)
		_ = WatchLogind(ctx, Logind{Resumed: func() { woken <- struct{}{} }})
	}()
	t.Cleanup(func() { cancel(); <-returned })
	return woken, cancel, returned
}

func watchingEnded(t *testing.T, ended <-chan struct{}) {
	t.Helper()
	select {
	case <-ended:
	case <-time.After(waitLimit):
		t.Fatal("WatchLogind has not returned")
	}
}

// The bus and its logind are the test's own.
func TestResumeIsToldByLogind(t *testing.T) {
	address := storetest.StartBus(t)
	logind, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer logind.Close()
	if _, err := logind.RequestName("org.freedesktop.login1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	stranger, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	emit := func(from *dbus.Conn, member string, body ...any) {
		t.Helper()
		if err := from.Emit("/org/freedesktop/login1", "org.freedesktop.login1.Manager."+member, body...); err != nil {
			t.Fatal(err)
		}
	}
	resumed, stop, ended := watching(t, address)
	sent, got := 0, 0
	for deadline := time.Now().Add(waitLimit); got == 0; { // until it listens
		if time.Now().After(deadline) {
			t.Fatal("no wake-up was noticed")
		}
		emit(logind, "PrepareForSleep", false)
		sent++
		select {
		case <-resumed:
			got++
		case <-time.After(20 * time.Millisecond):
		}
	}
	for range 100 { // none of these is a wake-up
		emit(logind, "PrepareForSleep", true)
		emit(logind, "PrepareForSleep", "false")
		emit(logind, "PrepareForSleep")
		emit(logind, "PrepareForShutdown", false)
	}
	emit(stranger, "PrepareForSleep", false)
	emit(logind, "PrepareForSleep", false)
	sent++
	select {
	case <-resumed:
		got++
	case <-time.After(waitLimit):
		t.Fatal("the second wake-up was not noticed")
	}
	stop()
	watchingEnded(t, ended)
	if got += len(resumed); got > sent {
		t.Errorf("got %d wake-ups, want at most the %d that logind told", got, sent)
	}
}

func TestNoSystemBus(t *testing.T) {
	_, _, ended := watching(t, "unix:path="+filepath.Join(t.TempDir(), "no-bus"))
	watchingEnded(t, ended)
}

// A bus that accepts and never answers must not keep the daemon from ending.
func TestMuteSystemBus(t *testing.T) {
	dir, err := os.MkdirTemp("", "o") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	at := filepath.Join(dir, "bus")
	listener, err := net.Listen("unix", at)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var accepted atomic.Pointer[net.Conn]
	arrived := make(chan struct{})
	go func() {
		if conn, err := listener.Accept(); err == nil {
			accepted.Store(&conn)
			close(arrived)
		}
	}()
	_, stop, ended := watching(t, "unix:path="+at)
	select {
	case <-arrived:
	case <-time.After(waitLimit):
		t.Fatal("nobody connected")
	}
	stop()
	watchingEnded(t, ended)
	_ = (*accepted.Load()).Close()
}
