package keystore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const (
	// leastSystemd is the first version in which credentials of a user work well enough to depend on.
	leastSystemd = 257
	// credsTimeout bounds one call, in which a TPM may take its time.
	credsTimeout = 20 * time.Second
)

// SystemdCreds is the [Sealer] of systemd-creds(1) in its user mode: with the host's key, and with its TPM2 if there is
// one. The zero value is ready for use. Secrets go through pipes, never on a command line.
type SystemdCreds struct{}

var _ Sealer = SystemdCreds{}

// Seal implements [Sealer].
func (s SystemdCreds) Seal(ctx context.Context, secret []byte) ([]byte, error) {
	return s.run(ctx, secret, "encrypt", "--user", "--name=oauthd", "-", "-")
}

// Unseal implements [Sealer].
func (s SystemdCreds) Unseal(ctx context.Context, sealed []byte) ([]byte, error) {
	return s.run(ctx, sealed, "decrypt", "--user", "--name=oauthd", "--newline=no", "-", "-")
}

// Offered returns nil if systemd is new enough here to try.
func (s SystemdCreds) Offered(ctx context.Context) error {
	out, err := s.run(ctx, nil, "--version")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(out), "\n") // systemd 257 (257.9-1)
	words := strings.Fields(first)
	if len(words) < 2 || words[0] != "systemd" {
		return errors.New("systemd-creds does not say its version")
	}
	number, _, _ := strings.Cut(words[1], ".")
	number, _, _ = strings.Cut(number, "~") // 258~rc1
	if version, err := strconv.Atoi(number); err != nil || version < leastSystemd {
		return fmt.Errorf("systemd here is %s, and only systemd %d or newer seals for a user", words[1], leastSystemd)
	}
	return nil
}

// Works returns nil if what is sealed here can be opened again.
func (s SystemdCreds) Works(ctx context.Context) error {
	if err := s.Offered(ctx); err != nil {
		return err
	}
	trial := []byte(rand.Text())
	sealed, err := s.Seal(ctx, trial)
	if err != nil {
		return err
	}
	opened, err := s.Unseal(ctx, sealed)
	if err != nil {
		return err
	}
	if !bytes.Equal(opened, trial) {
		return errors.New("systemd-creds does not give back what it sealed")
	}
	return nil
}

func (SystemdCreds) run(ctx context.Context, input []byte, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, credsTimeout)
	defer cancel()
	out := &bounded{room: maxSealed}
	cmd := exec.CommandContext(ctx, "systemd-creds", arguments...)
	killGroup(cmd)
	cmd.Stdin, cmd.Stdout = bytes.NewReader(input), out
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no systemd-creds on PATH")
	case ctx.Err() != nil:
		return nil, fmt.Errorf("systemd-creds did not end: %w", ctx.Err())
	case errors.As(err, &exit):
		return nil, fmt.Errorf("systemd-creds %s failed: %s", arguments[0], exit.ProcessState)
	case err != nil:
		return nil, fmt.Errorf("systemd-creds %s: %w", arguments[0], err)
	}
	return out.Bytes(), nil
}
