package ipc

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"oauthd/daemon/account"
	"oauthd/ipc/api"
)

// toy is a protocol whose request is an account's name and a line end. The answer is the token, or the error's code.
func toy(ctx context.Context, c io.ReadWriter, ask Asked) error {
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err
	}
	name := strings.TrimSpace(line)
	if name == "panic" {
		panic("sentinel")
	}
	t, err := ask.Token(ctx, api.TokenRequest{Account: name, Interactive: true})
	if err != nil {
		_, err = fmt.Fprint(c, api.AsError(err).Code)
		return err
	}
	_, err = fmt.Fprint(c, t.AccessToken)
	return err
}

// speaking starts a server of the toy protocol.
func speaking(t *testing.T, e everything, change func(*Server)) *running {
	t.Helper()
	r := &running{path: socketPath(t), log: &syncBuffer{}}
	l, err := Listen(r.path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Backend: backendOf(e), Log: zerolog.New(r.log), UID: os.Getuid()})
	if change != nil {
		change(s)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Speak(ctx, l, toy) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-done
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("Speak: got %v, want nil", err)
		}
	})
	return r
}

// say sends text on a connection of its own, and returns all that comes back.
func say(t *testing.T, path, text string) string {
	t.Helper()
	c := dial(t, path)
	defer c.Close()
	send(t, c, text)
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

func TestSpeak(t *testing.T) {
	var server *Server
	r := speaking(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		c, ok := account.CallerFrom(ctx)
		if _, limited := ctx.Deadline(); !ok || c.PID != os.Getpid() || !limited || r.Interactive {
			t.Errorf("got caller %v, %v, deadline %v, request %v, want this process, a deadline and nobody asked", c, ok, limited, r)
		}
		if r.Account == "away" {
			return api.Token{}, &api.Error{Code: api.ProviderUnreachable, Message: "away"}
		}
		return sampleToken(r), nil
	}}, func(s *Server) { server = s })
	for request, want := range map[string]string{
		"work\n": "ya29.sample", "away\n": "provider_unreachable", "\n": "bad_request", "WORK\n": "bad_request", "panic\n": "",
	} {
		if got := say(t, r.path, request); got != want {
			t.Errorf("%q: got %q, want %q", request, got, want)
		}
	}
	if last := server.callers.list(); len(last) != 1 || last[0].Account != "work" || last[0].PID != os.Getpid() {
		t.Errorf("got callers %v, want this process for work", last)
	}
	if log := r.log.String(); !strings.Contains(log, "panic") || strings.Contains(log, "sentinel") {
		t.Errorf("got log %s, want the panic in it without its value", log)
	}
}

// A client that stalls delays nobody, and is not waited for long; one too many is told so.
func TestSpeakToStalledClients(t *testing.T) {
	r := speaking(t, &fake{}, func(s *Server) { s.cfg.MaxConns, s.limits.message = 8, time.Minute })
	stalled := []net.Conn{dial(t, r.path), dial(t, r.path)} // a quarter of 8
	send(t, stalled[0], "wo")
	if got := say(t, r.path, "work\n"); got != "busy" {
		t.Errorf("one too many: got %q, want busy", got)
	}
	_ = stalled[1].Close()
	for say(t, r.path, "work\n") == "busy" { // the server has not seen yet that one is closed
	}
	send(t, stalled[0], "rk\n")
	if got, _ := io.ReadAll(stalled[0]); string(got) != "ya29.sample" {
		t.Errorf("got %q, want a token once the request is whole", got)
	}

	r = speaking(t, &fake{}, func(s *Server) { s.limits.message = 20 * time.Millisecond })
	c := dial(t, r.path)
	send(t, c, "wo")
	ended(t, c)
}

// While a request waits for the provider, others are answered, and an end of the server waits for none of them.
func TestSpeakWhileOneWaits(t *testing.T) {
	asked := make(chan struct{})
	r := speaking(t, &fake{token: func(ctx context.Context, r api.TokenRequest) (api.Token, error) {
		if r.Account == "slow" {
			close(asked)
			<-ctx.Done()
			return api.Token{}, ctx.Err()
		}
		return sampleToken(r), nil
	}}, func(s *Server) { s.limits.grace = 10 * time.Millisecond })
	c := dial(t, r.path)
	send(t, c, "slow\n")
	<-asked
	if got := say(t, r.path, "work\n"); got != "ya29.sample" {
		t.Errorf("got %q, want a token", got)
	}
	idle := dial(t, r.path)
	if err := r.stop(); err != nil {
		t.Errorf("got %v, want nil", err)
	}
	ended(t, idle)
	if got, _ := io.ReadAll(c); string(got) != "busy" {
		t.Errorf("the one that waited: got %q, want busy", got)
	}
}
