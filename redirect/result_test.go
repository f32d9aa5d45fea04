package redirect

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// virtual returns a server without listeners, so that time can be virtual.
func virtual(t *testing.T) *Server {
	t.Helper()
	s, err := new(Servers).newServer(Config{Host: "127.0.0.1", Path: "/callback", State: testState, PeerUID: -1}, 1234)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ask(s *Server, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Host = s.authority
	s.handle(w, r)
	return w
}

func TestResultIsShownOnlyAfterFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		location := ask(s, "/callback"+query("state", testState, "code", testCode)).Header().Get("Location")
		answered := make(chan *httptest.ResponseRecorder, 1)
		go func() { answered <- ask(s, location) }()
		synctest.Wait()
		select {
		case w := <-answered:
			t.Fatalf("answered %d before the outcome was known", w.Code)
		default:
		}
		finish(s, Page{Success: true})
		if w := <-answered; w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "You are logged in") {
			t.Errorf("got %d, want 200 and the page", w.Code)
		}
	})
}

func TestSlowExchangeKeepsTheBrowserAsking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		location := ask(s, "/callback"+query("state", testState, "code", testCode)).Header().Get("Location")
		begin := time.Now()
		w := ask(s, location)
		if took := time.Since(begin); took != firstWait {
			t.Errorf("waited %v, want %v", took, firstWait)
		}
		if body := w.Body.String(); !strings.Contains(body, `http-equiv="refresh"`) || strings.Contains(body, "logged in") {
			t.Error("want a page that asks again and promises nothing")
		}
		begin = time.Now()
		ask(s, location)
		if took := time.Since(begin); took != resultWait {
			t.Errorf("the page that asks again waited %v, want %v", took, resultWait)
		}
		s.Finish(Page{Success: true})
	})
}

func TestFinishWaitsAShortGraceForTheBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		ask(s, "/callback"+query("state", testState, "code", testCode))
		begin := time.Now()
		finish(s, Page{Success: true})
		if took := time.Since(begin); took != finishGrace {
			t.Errorf("Finish took %v, want %v", took, finishGrace)
		}
	})
}

// lost is a browser that has gone when it is answered.
type lost struct{ *httptest.ResponseRecorder }

func (lost) Write([]byte) (int, error) { return 0, net.ErrClosed }

// unflushed is one that goes a moment later.
type unflushed struct{ *httptest.ResponseRecorder }

func (unflushed) FlushError() error { return net.ErrClosed }

func TestFinishWaitsForABrowserThatComesAgain(t *testing.T) {
	for name, gone := range map[string]func(*httptest.ResponseRecorder) http.ResponseWriter{
		"before the page":    func(w *httptest.ResponseRecorder) http.ResponseWriter { return lost{w} },
		"with half the page": func(w *httptest.ResponseRecorder) http.ResponseWriter { return unflushed{w} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := virtual(t)
				location := ask(s, "/callback"+query("state", testState, "code", testCode)).Header().Get("Location")
				go func() {
					r := httptest.NewRequest(http.MethodGet, location, nil)
					r.Host = s.authority
					s.handle(gone(httptest.NewRecorder()), r)
				}()
				synctest.Wait()
				time.AfterFunc(time.Second, func() {
					if w := ask(s, location); w.Code != http.StatusOK || w.Body.Len() == 0 {
						t.Errorf("got %d and %d bytes, want the page", w.Code, w.Body.Len())
					}
				})
				begin := time.Now()
				finish(s, Page{Success: true})
				if took := time.Since(begin); took != time.Second {
					t.Errorf("Finish took %v, want it to end with the page that arrived", took)
				}
			})
		})
	}
}

func TestFirstPageCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := virtual(t)
		location := ask(s, "/callback"+query("state", testState, "code", testCode)).Header().Get("Location")
		s.Finish(Page{Title: "first"})
		s.Finish(Page{Title: "second"})
		if body := ask(s, location).Body.String(); !strings.Contains(body, "first") || strings.Contains(body, "second") {
			t.Error("got another page than the first")
		}
	})
}
