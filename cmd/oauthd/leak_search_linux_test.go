package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// canaryPiece is how much of a secret counts as the secret, in bytes: what cuts a text off may leave a part of it.
const canaryPiece = 16

// canaries are the secrets of a test, each by the forms in which it may come out.
type canaries struct {
	mu    sync.Mutex               // guards the fields below
	known map[string]string        // kinds by secret
	forms map[[8]byte][]canaryForm // by the first bytes
}

type canaryForm struct {
	kind, text string
	token      bool
}

// add makes text one of the secrets of a kind. A token may be where a caller asked for it, and nothing else may.
func (c *canaries) add(kind, text string, token bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known, c.forms = map[string]string{}, map[[8]byte][]canaryForm{}
	}
	if len(text) < canaryPiece || c.known[text] != "" {
		return
	}
	c.known[text] = kind
	for _, piece := range []string{text[:canaryPiece], text[len(text)-canaryPiece:]} {
		for _, form := range formsOf(piece) {
			at := [8]byte([]byte(form))
			c.forms[at] = append(c.forms[at], canaryForm{kind, form, token})
		}
	}
}

// formsOf returns the ways to write text down that something between us and a reader may use. What leaves letters and
// digits as they are, such as a percent-encoding, needs no form of its own if text has nothing else.
func formsOf(text string) []string {
	forms := []string{text, hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text)))}
	for shift := range 3 { // where text begins in what was encoded
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			form := encoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + text))[[]int{0, 2, 3}[shift]:]
			if (shift+len(text))%3 != 0 {
				form = form[:len(form)-1] // which depends on what follows
			}
			forms = append(forms, form)
		}
	}
	for _, each := range []struct{ format, between string }{
		{"%d", ","}, {"%d", ", "}, {"%d", " "}, {"%%%02X", ""}, {"%%%02x", ""}, {`\u%04x`, ""}, {`\x%02x`, ""}, {"&#%d;", ""}, {"&#x%x;", ""},
	} {
		var parts []string
		for _, b := range []byte(text) {
			parts = append(parts, fmt.Sprintf(each.format, b))
		}
		forms = append(forms, strings.Join(parts, each.between))
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// in names the kinds of secret in text, sorted. Tokens count unless they may be there.
func (c *canaries) in(text string, tokensToo bool) (kinds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range max(0, len(text)-7) {
		for _, form := range c.forms[[8]byte([]byte(text[i:i+8]))] {
			if (tokensToo || !form.token) && strings.HasPrefix(text[i:], form.text) {
				kinds = append(kinds, form.kind)
			}
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// has reports whether there is a secret of a kind.
func (c *canaries) has(kind string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Contains(slices.Collect(maps.Values(c.known)), kind)
}

// safe is text for a failure's message.
func (c *canaries) safe(text string) string {
	if kinds := c.in(text, true); len(kinds) > 0 {
		return "(not shown, it holds " + strings.Join(kinds, ", ") + ")"
	}
	return text
}

// searched is a text that was seen, and where.
type searched struct {
	place, text string
	tokens      bool // tokens may be there
}

// searchedFiles reads all files below dir. Their names are a place too, because a failure names them.
func searchedFiles(t *testing.T, dir string) (found []searched) {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, dir)
		names = append(names, name)
		if !e.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		found = append(found, searched{place: "the file " + name, text: string(text)})
		return err
	})
	if err != nil {
		t.Errorf("look for secrets in files: %v", err)
	}
	return append(found, searched{place: "the name of a file", text: strings.Join(names, "\n")})
}

func TestCanariesAreSeen(t *testing.T) {
	const secret = "rt-ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	var c canaries
	c.add("a refresh token", secret, false)
	c.add("an access token", "at-0123456789abcdefghijklmnop", true)
	encode := func(format, between string) string {
		var parts []string
		for _, b := range []byte(secret) {
			parts = append(parts, fmt.Sprintf(format, b))
		}
		return strings.Join(parts, between)
	}
	for _, test := range []struct {
		name, text string
		want       int
	}{
		{"nothing", "rt-home at-home refresh_token=rt-ABCDEFGHIJK", 0},
		{"as it is", `{"refresh_token":"` + secret + `"}`, 1},
		{"its beginning", "got " + secret[:20] + "…", 1},
		{"its end", "…" + secret[10:], 1},
		{"in base64", base64.StdEncoding.EncodeToString([]byte(secret)), 1},
		{"in base64, after one byte", base64.StdEncoding.EncodeToString([]byte(":" + secret + "\n")), 1},
		{"in base64url, after two bytes", base64.URLEncoding.EncodeToString([]byte("\xff:" + secret + "?")), 1},
		{"in hex", hex.EncodeToString([]byte(secret)), 1},
		{"in upper-case hex", encode("%02X", ""), 1},
		{"percent-encoded", encode("%%%02X", ""), 1},
		{"escaped in JSON", encode(`\u%04x`, ""), 1},
		{"as JSON of bytes", "[" + encode("%d", ",") + "]", 1},
		{"as Go prints bytes", "[" + encode("%d", " ") + "]", 1},
		{"as HTML has it", encode("&#%d;", ""), 1},
		{"two kinds", secret + " at-0123456789abcdefghijklmnop", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := c.in(test.text, true); len(got) != test.want {
				t.Errorf("got %q, want %d kinds", got, test.want)
			}
		})
	}
	if got := c.in("at-0123456789abcdefghijklmnop", false); len(got) != 0 {
		t.Errorf("a token where it may be: got %q, want nothing", got)
	}
}
