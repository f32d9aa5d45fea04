package mcp

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEvents(t *testing.T) {
	tests := []struct {
		name, stream string
		want         []string
		lastID       string
		retry        time.Duration
	}{
		{name: "plain", stream: "data: a\n\ndata:b\n\n", want: []string{"a", "b"}},
		{name: "line ends", stream: "data: a\r\rdata: b\r\n\r\ndata: c\n\n", want: []string{"a", "b", "c"}},
		{name: "several lines", stream: "data: a\ndata:  b\ndata\n\n", want: []string{"a\n b\n"}},
		{name: "comments and others", stream: ": ping\n\nevent: message\nother: x\ndata: a\n\n", want: []string{"a"}},
		{name: "byte order mark", stream: "\ufeffdata: a\n\n", want: []string{"a"}},
		{name: "cut off", stream: "id: 1\ndata: a\n\nid: 2\ndata: b\n", want: []string{"a"}, lastID: "1"},
		{name: "an id without data", stream: "id: 7\nretry: 250\ndata:\n\n", lastID: "7", retry: 250 * time.Millisecond},
		{name: "an id with NUL", stream: "id: 1\ndata: a\n\nid: \x00\ndata: b\n\n", want: []string{"a", "b"}, lastID: "1"},
		{name: "an id that is reset", stream: "id: 1\ndata: a\n\nid\ndata: b\n\n", want: []string{"a", "b"}},
		{name: "no number", stream: "retry: 1s\ndata: a\n\n", want: []string{"a"}},
		{name: "a long pause", stream: "retry: 999999999\ndata: a\n\n", want: []string{"a"}, retry: maxRetry},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := newEvents(strings.NewReader(test.stream))
			var got []string
			data, err := e.next()
			for ; err == nil; data, err = e.next() {
				got = append(got, string(data))
			}
			if !errors.Is(err, io.EOF) || !slices.Equal(got, test.want) || e.lastID != test.lastID || e.retry != test.retry {
				t.Errorf("got %q, last id %q, retry %s, %v, want %q, %q, %s, the end", got, e.lastID, e.retry, err, test.want, test.lastID, test.retry)
			}
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	for name, stream := range map[string]io.Reader{
		"a line":   io.MultiReader(strings.NewReader("data: "), endless("a")),
		"an event": endless("data: " + strings.Repeat("a", 1<<10) + "\n"),
	} {
		if _, err := newEvents(stream).next(); !errors.Is(err, errTooLong) {
			t.Errorf("%s: got %v, want %v", name, err, errTooLong)
		}
	}
}

// endless is a text again and again.
type endless string

// Read implements [io.Reader]. It may cut the text short.
func (e endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], e)
	}
	return n, nil
}

func FuzzEvents(f *testing.F) {
	f.Add("id: 1\r\ndata: a\n\n", 3)
	f.Fuzz(func(t *testing.T, stream string, cut int) {
		read := func(in io.Reader) (all []string) {
			e := newEvents(in)
			for data, err := e.next(); err == nil; data, err = e.next() {
				all = append(all, string(data))
			}
			return all
		}
		whole := read(strings.NewReader(stream))
		at := min(max(cut, 0), len(stream))
		if parts := read(io.MultiReader(strings.NewReader(stream[:at]), strings.NewReader(stream[at:]))); !slices.Equal(parts, whole) {
			t.Errorf("cut at %d: got %q, want %q", at, parts, whole)
		}
	})
}
