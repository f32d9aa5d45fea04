package keystore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"oauthd/ipc/own"
)

const (
	defaultTimeout = 3 * time.Second
	maxChildren    = 4
	lockPause      = 10 * time.Millisecond
)

// KeychainConfig describes how a [Keychain] reaches the system's keychain.
type KeychainConfig struct {
	// Service is the name under which items are filed; the item's user is the record's name.
	Service string
	// Command is the argument list of a program that calls [RunChild] with its stdin and stdout and exits.
	Command []string
	// Env is the child's whole environment. On Linux and the BSDs DBUS_SESSION_BUS_ADDRESS in it names the bus; without
	// it, the bus is XDG_RUNTIME_DIR/bus or /run/user/UID/bus, if that is a socket. macOS needs HOME.
	Env []string
	// Timeout bounds every call, including the wait for its turn; 0 means 3 s.
	Timeout time.Duration
	// Lock is the path of a file, created if it is missing, that this process locks at its first call. It stays locked
	// until this process and all its children have ended: a child outlives a process that is killed, and may still
	// write, so the next process waits for it. "" means no lock, and on Windows there is none.
	Lock string
}

// Keychain stores records in the system's keychain: a Secret Service, the macOS keychain, or Windows' credentials.
//
// No call to a keychain can be interrupted, so each is made by a child process that is killed when its time is up or
// its context ends. A Put or Delete that is killed may or may not have taken effect, but a record is never left in
// pieces. At most four children run at once, and writes of one name follow one another.
//
// A call takes the lock first, then its name's turn if it writes, then one of the four places.
type Keychain struct {
	service string
	command []string
	env     []string
	timeout time.Duration
	runUser string        // the directory of all runtime directories
	places  chan struct{} // one element for each child
	writers sync.Map      // name → chan struct{} with room for one write
	lock    string
	locking chan struct{} // holds one element while locked is in use
	locked  *os.File
}

var _ Store = (*Keychain)(nil)

// NewKeychain returns a Keychain. It starts nothing: only the first call shows whether there is a keychain.
func NewKeychain(c KeychainConfig) *Keychain {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	return &Keychain{
		service: c.Service,
		command: slices.Clone(c.Command),
		env:     slices.Clone(c.Env),
		timeout: c.Timeout,
		runUser: "/run/user",
		places:  make(chan struct{}, maxChildren),
		lock:    c.Lock,
		locking: make(chan struct{}, 1),
	}
}

// Get implements [Store].
func (k *Keychain) Get(ctx context.Context, name string) ([]byte, error) {
	return k.call(ctx, request{Op: opGet, Name: name})
}

// Put implements [Store]. Data of more than 2.4 kB is split over several items; above 72,000 bytes it is [ErrFull].
func (k *Keychain) Put(ctx context.Context, name string, data []byte) error {
	_, err := k.call(ctx, request{Op: opPut, Name: name, Value: data})
	return err
}

// Delete implements [Store].
func (k *Keychain) Delete(ctx context.Context, name string) error {
	_, err := k.call(ctx, request{Op: opDelete, Name: name})
	return err
}

func (k *Keychain) call(ctx context.Context, req request) ([]byte, error) {
	if err := begin(ctx, req.Op, req.Name); err != nil {
		return nil, err
	}
	value, err := k.try(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("keystore: %s %q in the keychain: %w", req.Op, req.Name, err)
	}
	return value, nil
}

func (k *Keychain) try(ctx context.Context, req request) ([]byte, error) {
	if err := checkSize(runtime.GOOS, k.service, req.Name, req.Value); err != nil {
		return nil, err
	}
	if len(k.command) == 0 {
		return nil, fmt.Errorf("%w: no command to reach it with", ErrUnavailable)
	}
	env, err := settleBus(k.env, k.runUser, os.Getuid())
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	lock, err := k.holdLock(limited)
	switch {
	case err != nil && limited.Err() != nil:
		return nil, k.late(ctx, "the keychain was still in use by another process after")
	case err != nil:
		return nil, fmt.Errorf("%w: its lock: %w", ErrUnavailable, err)
	}
	if req.Op != opGet {
		turn, _ := k.writers.LoadOrStore(req.Name, make(chan struct{}, 1))
		release, ok := enter(limited, turn.(chan struct{}))
		if !ok {
			return nil, k.late(ctx, "another write of it was still under way after")
		}
		defer release()
	}
	release, ok := enter(limited, k.places)
	if !ok {
		return nil, k.late(ctx, "other calls were still waiting for the keychain after")
	}
	defer release()

	req.Service = k.service
	deadline, _ := limited.Deadline()
	req.Timeout = max(time.Until(deadline), time.Millisecond)
	a, err := runCommand(limited, k.command, env, lock, req)
	switch {
	case err == nil:
		return a.Value, a.err()
	case limited.Err() != nil:
		return nil, k.late(ctx, "a prompt may be waiting: the keychain did not answer within")
	}
	return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// holdLock returns the locked file; nil if no lock is configured. It waits while another process, or a child that one
// left behind, holds the lock.
func (k *Keychain) holdLock(ctx context.Context) (*os.File, error) {
	if k.lock == "" {
		return nil, nil
	}
	release, ok := enter(ctx, k.locking)
	if !ok {
		return nil, ctx.Err()
	}
	defer release()
	if k.locked != nil {
		return k.locked, nil
	}
	dir, err := own.Open(filepath.Dir(k.lock))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	file, err := dir.OpenFile(filepath.Base(k.lock), os.O_CREATE|os.O_RDWR)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := tryLock(file)
		if locked {
			k.locked = file
			return file, nil
		}
		if err == nil {
			select {
			case <-time.After(lockPause):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		_ = file.Close()
		return nil, err
	}
}

// enter takes a place in turn; ok is false if ctx ended first.
func enter(ctx context.Context, turn chan struct{}) (release func(), ok bool) {
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, true
	case <-ctx.Done():
		return nil, false
	}
}

// late returns the error of a call that ended too early: cancelled by its caller, or unanswered.
func (k *Keychain) late(ctx context.Context, why string) error {
	switch err := ctx.Err(); {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil:
		return fmt.Errorf("%w: %s its deadline: %w", ErrNoAnswer, why, err)
	}
	return fmt.Errorf("%w: %s %v", ErrNoAnswer, why, k.timeout)
}

// runCommand runs a child for one request; the child holds lock, if that is not nil. An error means that there was no
// answer; it contains nothing of what the child wrote, which might be part of a secret.
func runCommand(ctx context.Context, command, env []string, lock *os.File, req request) (answer, error) {
	stdin, err := json.Marshal(req)
	if err != nil {
		return answer{}, err
	}
	defer clear(stdin)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append([]string{}, env...) // nil would mean our own
	cmd.Stdin = bytes.NewReader(stdin)
	stdout := &bounded{room: maxMessage}
	cmd.Stdout = stdout
	defer func() { clear(stdout.Bytes()) }()
	cmd.WaitDelay = time.Second // for a grandchild that holds the pipe
	killGroup(cmd)
	if lock != nil {
		keepOpen(cmd, lock)
	}
	if err := cmd.Run(); err != nil {
		return answer{}, fmt.Errorf("its child process: %w", err)
	}
	var a answer
	if json.Unmarshal(stdout.Bytes(), &a) != nil {
		return answer{}, errors.New("its child process did not answer in JSON")
	}
	return a, nil
}

// bounded is a buffer that refuses more than room bytes.
type bounded struct {
	buf  bytes.Buffer
	room int
}

func (b *bounded) Bytes() []byte { return b.buf.Bytes() }

func (b *bounded) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.room {
		return 0, errors.New("answer too long")
	}
	return b.buf.Write(p)
}
