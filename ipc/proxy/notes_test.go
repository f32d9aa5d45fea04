package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oauthd/ipc/api"
	"oauthd/ipc/client"
)

// auditLog takes what notes write, or fails with what comes next.
type auditLog struct {
	mu         sync.Mutex // guards the fields below
	batches    [][]string
	fails      []error
	complaints []string
	gate       chan struct{} // each write waits for an element; nil for none
}

func (l *auditLog) write(_ context.Context, all []api.ProxiedRequest) error {
	if l.gate != nil {
		<-l.gate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.fails) > 0 {
		err := l.fails[0]
		l.fails = l.fails[1:]
		return err
	}
	var batch []string
	for _, r := range all {
		batch = append(batch, strings.TrimSpace(fmt.Sprint(r.Account, " ", r.Method, " ", r.URL, " ", r.Status, " ", r.Code)))
	}
	l.batches = append(l.batches, batch)
	return nil
}

func (l *auditLog) complain(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.complaints = append(l.complaints, err.Error())
	}
}

func newNotes(l *auditLog) *notes {
	return &notes{write: l.write, complain: l.complain, hurry: make(chan struct{}, 1), ended: context.Background()}
}

func (n *notes) request(status int) {
	n.begin()
	n.add(api.ProxiedRequest{Account: "work", Method: "GET", URL: "https://a.example/", Status: status})
}

// Requests that come while others are written down are written down together, as many as the daemon takes.
func TestNotesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &auditLog{gate: make(chan struct{})}
		n := newNotes(l)
		n.request(200)
		time.Sleep(gather)
		synctest.Wait()
		for i := range api.MaxProxied + 2 {
			n.request(i)
		}
		began := time.Now()
		for range 3 {
			l.gate <- struct{}{}
		}
		if took := time.Since(began); took != 2*gather {
			t.Errorf("got all after %v, want %v", took, 2*gather)
		}
		n.settle(t.Context())
		var sizes []int
		for _, batch := range l.batches {
			sizes = append(sizes, len(batch))
		}
		if want := []int{1, api.MaxProxied, 2}; !slices.Equal(sizes, want) {
			t.Errorf("got %d, want %d", sizes, want)
		}
		if got := l.batches[2][1]; got != fmt.Sprint("work GET https://a.example/ ", api.MaxProxied+1) {
			t.Errorf("the last one: got %q", got)
		}
	})
}

// If the daemon cannot write, it is asked again; the person sees one complaint, and nothing is lost.
func TestNotesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := &api.Error{Code: api.Busy, Message: "the disk is full", Hint: "make room"}
		l := &auditLog{fails: []error{full, full, full}}
		n := newNotes(l)
		began := time.Now()
		n.request(200)
		n.request(404)
		synctest.Wait()
		n.mu.Lock()
		settled := n.settled
		n.mu.Unlock()
		<-settled
		if took := time.Since(began); took != 7*firstPause+5*gather {
			t.Errorf("got it after %v, want %v", took, 7*firstPause+5*gather)
		}
		var got []string
		for _, batch := range l.batches {
			got = append(got, batch...)
		}
		if want := []string{"work GET https://a.example/ 200", "work GET https://a.example/ 404"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if want := []string{"the last requests are not in the audit log: the disk is full"}; !slices.Equal(l.complaints, want) {
			t.Errorf("got the complaints %q, want %q", l.complaints, want)
		}
	})
}

// The end of a proxy waits for a request that is under way, and for no pause between two tries, but not for long.
func TestNotesSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &auditLog{fails: []error{errors.New("no daemon")}}
		n := newNotes(l)
		n.settle(t.Context()) // nothing was asked for yet
		<-n.hurry
		ended, end := context.WithCancel(t.Context())
		n.ended = ended
		n.request(200)
		time.Sleep(gather)
		n.begin()
		end()
		began, settled := time.Now(), make(chan struct{})
		go func() { n.settle(t.Context()); close(settled) }()
		synctest.Wait()
		select {
		case <-settled:
			t.Error("it did not wait for the request that is under way")
		default:
		}
		if len(l.batches) != 1 || time.Since(began) != 0 {
			t.Errorf("got %q after %v, want the first request at once", l.batches, time.Since(began))
		}
		n.add(api.ProxiedRequest{Account: "work", Method: "PUT", URL: "https://a.example/"})
		<-settled
		if len(l.batches) != 2 {
			t.Errorf("got %q, want both", l.batches)
		}

		l.gate = make(chan struct{})
		n.request(200)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		n.settle(ctx)
		if got := time.Since(began); got != time.Second {
			t.Errorf("a daemon that does not answer: got on after %v, want a second", got)
		}
		l.gate <- struct{}{}
	})
}

// A daemon that takes none is asked once.
func TestNotesRefused(t *testing.T) {
	for _, code := range []api.Code{api.Forbidden, api.BadRequest} {
		synctest.Test(t, func(t *testing.T) {
			l := &auditLog{fails: []error{&api.Error{Code: code, Message: "there is no such path"}}}
			n := newNotes(l)
			n.request(200)
			n.settle(t.Context())
			n.request(200)
			n.settle(t.Context())
			synctest.Wait()
			if len(l.batches) != 0 || len(l.complaints) != 1 || !strings.Contains(l.complaints[0], "not in the audit log: there is no such path") {
				t.Errorf("%s: got %q and the complaints %q, want one complaint", code, l.batches, l.complaints)
			}
		})
	}
}

// What there is no room for is counted.
func TestNotesOverflow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &auditLog{gate: make(chan struct{})}
		n := newNotes(l)
		for range mostWaiting + 3 {
			n.request(200)
		}
		close(l.gate)
		n.settle(t.Context())
		written := 0
		for _, batch := range l.batches {
			written += len(batch)
		}
		if written != mostWaiting || len(l.complaints) != 1 || !strings.HasPrefix(l.complaints[0], "3 requests are not in the audit log") {
			t.Errorf("got %d and the complaints %q, want %d, and one complaint about 3", written, l.complaints, mostWaiting)
		}
	})
}

// What is noted has the server's path and never the secret or a query, and says why the server was not asked.
func TestNoted(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	to, err := url.Parse(up.URL + "/base/")
	if err != nil {
		t.Fatal(err)
	}
	l := &auditLog{}
	p := New(Config{
		Upstream: to, Request: api.TokenRequest{Account: "work"}, Secret: "s3cret", Limits: Limits{Methods: []string{"GET", "TEAPOT"}},
		Complain: l.complain, Note: l.write,
	}, &client.Client{Socket: t.TempDir() + "/none", Running: true}, nil)
	ask := func(method, path string) {
		p.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(method, path, nil))
	}
	ask("GET", "/wrong/me")
	ask("PUT", "/s3cret/me?q=1")
	ask("GET", "/s3cret/a%20b?token=x")
	up.Close()
	p.forward.Transport = http.DefaultTransport // without a token
	ask("GET", "/s3cret/"+strings.Repeat("a", maxURL))
	p.Settle(t.Context())
	var got []string
	for _, batch := range l.batches {
		got = append(got, batch...)
	}
	want := []string{
		"work PUT " + up.URL + "/base/me 403 forbidden",
		"work GET " + up.URL + "/base/a%20b 503 no_daemon",
		"work GET " + (up.URL + "/base/" + strings.Repeat("a", maxURL))[:maxURL] + " 503 provider_unreachable",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
