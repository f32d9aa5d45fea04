package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"oauthd/daemon/oauthtest"
)

// ledger is what the provider knows of the refresh tokens it has given. Every account is a client of its own there, and
// the tokens of one are numbered from 1.
type ledger struct {
	mu     sync.Mutex // guards the fields below
	tokens map[string]issued
	access map[string]issued // what came with which access token
	newest map[string]int
	served map[string]int // the newest of which a caller has the access token
	holds  []*refreshHold
}

type issued struct {
	account string
	number  int
}

// refreshHold keeps one account's next refresh waiting until its daemon has gone: before it is processed, or when it is
// answered.
type refreshHold struct {
	account string
	answer  bool
	arrived chan struct{}
}

func newLedger() *ledger {
	return &ledger{
		tokens: map[string]issued{}, access: map[string]issued{}, newest: map[string]int{}, served: map[string]int{},
	}
}

// fault writes down what every answer of the token endpoint gives.
func (l *ledger) fault(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		account := r.PostForm.Get("client_id")
		if l.held(account, false, r) {
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		l.record(account, answer.Body.Bytes())
		if l.held(account, true, r) {
			return
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	})
}

var _ oauthtest.Fault = (*ledger)(nil).fault

func (l *ledger) record(account string, body []byte) {
	var answer struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.RefreshToken == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest[account]++
	i := issued{account, l.newest[account]}
	l.tokens[answer.RefreshToken], l.access[answer.AccessToken] = i, i
}

func (l *ledger) hold(account string, answer bool) *refreshHold {
	h := &refreshHold{account, answer, make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.holds = append(l.holds, h)
	return h
}

// held waits for the client to go away where the request meets a hold.
func (l *ledger) held(account string, answer bool, r *http.Request) bool {
	l.mu.Lock()
	var h *refreshHold
	for i, other := range l.holds {
		if other.account == account && other.answer == answer {
			h = other
			l.holds = append(l.holds[:i:i], l.holds[i+1:]...)
			break
		}
	}
	l.mu.Unlock()
	if h == nil {
		return false
	}
	close(h.arrived)
	<-r.Context().Done()
	return true
}

// serve notes that a caller got an access token.
func (l *ledger) serve(account, access string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.access[access]
	if !ok || i.account != account {
		return fmt.Errorf("%s was served a token of %q", account, i.account)
	}
	l.served[account] = max(l.served[account], i.number)
	return nil
}

// judge compares what the store holds for account with what the provider knows, and reports whether the login is lost:
// the stored refresh token is spent. That may be where the provider has answered once more and no caller was served.
func (l *ledger) judge(account, stored string) (lost bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.tokens[stored]
	newest, served := l.newest[account], l.served[account]
	switch {
	case !ok || i.account != account:
		return false, fmt.Errorf("the store holds for %s a refresh token of %q", account, i.account)
	case i.number < served:
		return false, fmt.Errorf("%s: the store holds refresh token %d, and a caller was served with %d", account, i.number, served)
	case i.number < newest-1:
		return false, fmt.Errorf("%s: the store holds refresh token %d of %d", account, i.number, newest)
	}
	return i.number < newest, nil
}
