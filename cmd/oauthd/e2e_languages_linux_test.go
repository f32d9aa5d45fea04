package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"oauthd/keystore/storetest"
)

// language is a way in which oauthd help programs has another language's programs use an account.
type language struct {
	file   string // of the page
	driver string // a program that uses it and answers each line on its standard input
	with   func(t *testing.T) []string
}

func languages() map[string]language {
	python := func(module string) func(t *testing.T) []string {
		return func(t *testing.T) []string { return []string{needPython(t, module), "-W", "error", "-c"} }
	}
	return map[string]language{
		"requests":            {"oauthd_requests.py", requestsDriver, python("requests")},
		"httpx":               {"oauthd_httpx.py", httpxDriver, python("httpx")},
		"httpx, asynchronous": {"oauthd_httpx.py", asyncDriver, python("httpx")},
		"Node": {"oauthd_fetch.mjs", nodeDriver, func(t *testing.T) []string {
			storetest.Need(t, "node")
			return []string{"node", "--input-type=module", "-e"}
		}},
	}
}

const requestsDriver = `
import sys, requests
from oauthd_requests import Oauthd

server, session = sys.argv[1], requests.Session()
session.auth = Oauthd("work")
calls = {
    "get": lambda: session.get(server),
    "post": lambda: session.post(server, json={"milk": 1}),
    "stream": lambda: session.post(server, data=iter([b'{"milk": 1}'])),
    "away": lambda: session.get(server + "/away"),
    "gone": lambda: requests.get(server, auth=Oauthd("gone")),
}
for line in sys.stdin:
    try:
        answer = calls[line.strip()]()
        print(answer.status_code, answer.text, flush=True)
    except requests.RequestException as e:
        print(e, flush=True)
`

const httpxDriver = `
import sys, httpx
from oauthd_httpx import Oauthd

server, client = sys.argv[1], httpx.Client(auth=Oauthd("work"), follow_redirects=True)
calls = {
    "get": lambda: client.get(server),
    "post": lambda: client.post(server, json={"milk": 1}),
    "stream": lambda: client.post(server, content=iter([b'{"milk": 1}'])),
    "away": lambda: client.get(server + "/away"),
    "gone": lambda: httpx.get(server, auth=Oauthd("gone")),
}
for line in sys.stdin:
    try:
        answer = calls[line.strip()]()
        print(answer.status_code, answer.text, flush=True)
    except httpx.RequestError as e:
        print(e, flush=True)
client.close()
`

const asyncDriver = `
import asyncio, sys, httpx
from oauthd_httpx import Oauthd

async def stream():
    yield b'{"milk": 1}'

async def main():
    server, client = sys.argv[1], httpx.AsyncClient(auth=Oauthd("work"), follow_redirects=True)
    calls = {
        "get": lambda: client.get(server),
        "post": lambda: client.post(server, json={"milk": 1}),
        "stream": lambda: client.post(server, content=stream()),
        "away": lambda: client.get(server + "/away"),
        "gone": lambda: client.get(server, auth=Oauthd("gone")),
    }
    for line in sys.stdin:
        try:
            answer = await calls[line.strip()]()
            print(answer.status_code, answer.text, flush=True)
        except httpx.RequestError as e:
            print(e, flush=True)
    await client.aclose()

asyncio.run(main())
`

const nodeDriver = `
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
const { oauthd } = await import(pathToFileURL("oauthd_fetch.mjs"));

const server = process.argv[1], work = oauthd("work");
const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"milk": 1}' };
const calls = {
  get: () => work(server),
  post: () => work(new URL(server), post),
  stream: () => work(server, { ...post, body: new Blob([post.body]).stream(), duplex: "half" }),
  away: () => work(new Request(server + "/away")),
  gone: () => oauthd("gone")(server),
};
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const answer = await calls[line]();
    console.log(answer.status, await answer.text());
  } catch (error) {
    console.log(error.message);
  }
}
`

// programOf returns a program of oauthd help programs: the block of code whose first line names the file.
func programOf(t *testing.T, file string) string {
	t.Helper()
	page, ok := findTopic("programs")
	for _, mark := range []string{"```python\n# ", "```js\n// "} {
		if _, text, found := strings.Cut(page.text, mark+file+"\n"); found && ok {
			text, _, _ = strings.Cut(text, "```\n")
			return text
		}
	}
	t.Fatalf("oauthd help programs has no %s", file)
	return ""
}

// shop is the API of a clientDesk, and another server to which it redirects.
type shop struct {
	api, stranger *httptest.Server
	mu            sync.Mutex // guards the fields below
	bodies        []string   // that came to the API
	away          []string   // what came to the stranger: "authorized", or ""
}

func newShop(t *testing.T, d *clientDesk) *shop {
	t.Helper()
	s := &shop{}
	s.stranger = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Header.Get("Authorization") == "" {
			s.away = append(s.away, "")
		} else {
			s.away = append(s.away, "authorized")
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.stranger.Close)
	s.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies = append(s.bodies, strings.ReplaceAll(string(body), " ", ""))
		s.mu.Unlock()
		if r.URL.Path == "/away" {
			http.Redirect(w, r, s.stranger.URL, http.StatusFound)
			return
		}
		d.api.Config.Handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.api.Close)
	return s
}

// seen returns what came since it was last called.
func (s *shop) seen() (bodies, away []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bodies, away = s.bodies, s.away
	s.bodies, s.away = nil, nil
	return bodies, away
}

// TestLanguages runs the classes and the function of oauthd help programs against a server that takes the newest token alone.
func TestLanguages(t *testing.T) {
	for name, l := range languages() {
		t.Run(name, func(t *testing.T) {
			argv := append(l.with(t), l.driver)
			d := newDesktop(t)
			s := newShop(t, d)
			if err := os.WriteFile(filepath.Join(d.dir, l.file), []byte(programOf(t, l.file)), 0o600); err != nil {
				t.Fatal(err)
			}
			ask, end := d.converse(t, append(argv, s.api.URL)...)
			const body = `{"milk":1}`
			refuse := func() { d.refuse(d.token(t, false)) }
			for _, tt := range []struct {
				name, line   string
				prepare      func()
				want         string
				bodies, away []string
			}{
				{"a first request", "get", func() {}, "200 let in", []string{""}, nil},
				{"a token that another program had replaced", "get", func() { d.token(t, true) }, "200 let in", []string{""}, nil},
				{"a token that the server refuses", "get", refuse, "200 let in", []string{"", ""}, nil},
				{"the same with a body", "post", refuse, "200 let in", []string{body, body}, nil},
				{"with a body that cannot be had again", "stream", refuse, "401 ", []string{body}, nil},
				{"a redirect to a stranger", "away", func() { d.token(t, true) }, "401 ", []string{""}, []string{""}},
				{"a login that has ended", "gone", func() {}, "oauthd login gone", nil, nil},
			} {
				tt.prepare()
				before := d.token(t, false)
				got := ask(tt.line)
				if !strings.Contains(got, tt.want) || len(leaks(got, true)) > 0 {
					t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
				}
				if bodies, away := s.seen(); !slices.Equal(bodies, tt.bodies) || !slices.Equal(away, tt.away) {
					t.Errorf("%s: got the bodies %q, and %q at the stranger's, want %q and %q", tt.name, bodies, away, tt.bodies, tt.away)
				}
				if replaced := d.token(t, false) != before; replaced != (len(tt.bodies) == 2) {
					t.Errorf("%s: got the token replaced %t", tt.name, replaced)
				}
			}
			end()
		})
	}
}
