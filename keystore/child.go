package keystore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// maxMessage bounds a request and an answer, in bytes: maxBytes in base64, and some more.
const maxMessage = 256 << 10

// RunChild is the other end of [Keychain]: it reads one request from stdin, carries it out in the system's keychain,
// and writes the answer to stdout. Whatever goes wrong in the keychain, even a panic, is part of the answer. An error
// means that there is no answer: the request made no sense, stdout is closed, or the request's time was up. The process
// must exit after RunChild, because a call that hangs is left behind in it.
func RunChild(stdin io.Reader, stdout io.Writer) error {
	req, err := readRequest(stdin)
	if err != nil {
		return err
	}
	done := make(chan answer, 1)
	go func() { done <- perform(systemItems{req.Service}, req) }()
	select {
	case a := <-done:
		return json.NewEncoder(stdout).Encode(a)
	case <-time.After(req.Timeout):
		return fmt.Errorf("keystore: child: no answer within %v", req.Timeout)
	}
}

func readRequest(stdin io.Reader) (request, error) {
	var req request
	// The decoder's own error could quote what it read.
	if json.NewDecoder(io.LimitReader(stdin, maxMessage)).Decode(&req) != nil {
		return request{}, errors.New("keystore: child: the request is not JSON")
	}
	if err := checkName(req.Name); err != nil {
		return request{}, fmt.Errorf("keystore: child: %w", err)
	}
	if len(req.Value) > maxBytes {
		return request{}, fmt.Errorf("keystore: child: %w", ErrFull)
	}
	if req.Timeout <= 0 {
		return request{}, errors.New("keystore: child: the request has no timeout")
	}
	switch req.Op {
	case opGet, opPut, opDelete:
		return req, nil
	}
	return request{}, errors.New("keystore: child: the request has no known op")
}

func perform(it items, req request) (a answer) {
	defer func() {
		if r := recover(); r != nil {
			reason := "of an unnamed kind"
			if e, ok := r.(runtime.Error); ok {
				reason = e.Error()
			}
			a = answerOf(nil, fmt.Errorf("%w: its library panicked: %s", ErrUnavailable, reason))
		}
	}()
	switch req.Op {
	case opPut:
		return answerOf(nil, writeRecord(it, req.Name, req.Value))
	case opDelete:
		return answerOf(nil, deleteRecord(it, req.Name))
	}
	return answerOf(readRecord(it, req.Name))
}

// systemItems are the items of a service in the system's keychain.
type systemItems struct{ service string }

func (s systemItems) get(name string) (string, error) {
	text, err := keyring.Get(s.service, name)
	return text, classify(err)
}

func (s systemItems) set(name, text string) error {
	return classify(keyring.Set(s.service, name, text))
}

func (s systemItems) remove(name string) error {
	err := keyring.Delete(s.service, name)
	if errors.Is(err, keyring.ErrNotFound) {
		return nil
	}
	return classify(err)
}

// classify wraps an error of go-keyring in its sentinel, which is ErrUnavailable unless it knows better: for a broken
// pipe, EOF, a dial error. It passes on only the name of a D-Bus error, because the text is the service's own.
func classify(err error) error {
	if err == nil {
		return nil
	}
	name := busErrorName(err)
	var exit *exec.ExitError
	switch {
	case errors.Is(err, keyring.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return ErrFull
	case name == "org.freedesktop.Secret.Error.IsLocked",
		strings.HasPrefix(err.Error(), "failed to unlock correct collection"):
		return fmt.Errorf("%w: the keychain is locked, or nobody answered its prompt", ErrLocked)
	case name == "org.freedesktop.DBus.Error.ServiceUnknown":
		return ErrNoService
	case name != "":
		return fmt.Errorf("%w: the Secret Service answered %s", ErrUnavailable, name)
	case errors.As(err, &exit) && (exit.ExitCode() == 36 || exit.ExitCode() == 51):
		// security(1): errSecInteractionNotAllowed (-25308) and errSecAuthFailed (-25293), modulo 256.
		return fmt.Errorf("%w: the keychain wants a person to unlock it", ErrLocked)
	}
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
