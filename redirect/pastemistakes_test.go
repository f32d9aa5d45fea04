package redirect

import (
	"errors"
	"strings"
	"testing"
)

func TestPastedMistakes(t *testing.T) {
	const otherState = "b3RoZXItc3RhdGUtb2YtYW5vdGhlci1sb2dpbi1vZi1vbGQ"
	tests := []struct {
		name, text string
		cfg        Config
		want       error
	}{
		{name: "nothing", text: "", want: ErrNoResponse},
		{name: "blanks and quotes", text: " '' \n", want: ErrNoResponse},
		{name: "address without query", text: "URI", want: ErrNoResponse},
		{name: "address with the state alone", text: "URI?state=STATE", want: ErrNoResponse},
		{name: "address cut in the code's name", text: "URI?state=STATE&co", want: ErrNoResponse},
		{name: "empty code", text: "URI?state=STATE&code=", want: ErrNoResponse},
		{name: "error of no printable text", text: "URI?state=STATE&error=%00", want: ErrMalformed},
		{name: "prose", text: "I do not know what to paste", want: ErrNoResponse},
		{name: "parameter of something else", text: "a=b", want: ErrNoResponse},
		{name: "query of something else", text: "?a", want: ErrNoResponse},
		{name: "two names", text: "a&b", want: ErrNoResponse},
		{name: "code alone", text: "CODE", want: ErrNoState},
		{name: "address cut before the state", text: "URI?code=CODE", want: ErrNoState},
		{name: "error without state", text: "error=access_denied", want: ErrNoState},
		{name: "another login's", text: "URI?code=CODE&state=" + otherState, want: ErrWrongState},
		{name: "another login's code and state", text: "CODE " + otherState, want: ErrWrongState},
		{name: "another login's error", text: "error=access_denied&state=" + otherState, want: ErrWrongState},
		{name: "state cut short", text: "URI?code=CODE&state=" + testState[:20], want: ErrWrongState},
		{
			name: "authorization URL", want: ErrAuthorizationURL,
			text: "https://as.example.com/authorize?response_type=code&client_id=c&redirect_uri=http%3A%2F%2F127.0.0.1&state=STATE",
		},
		{name: "authorization URL with the client's id alone", text: "https://as.example.com/?client_id=c", want: ErrAuthorizationURL},
		{name: "authorization URL of a pushed request", text: "https://as.example.com/?request_uri=urn:x", want: ErrAuthorizationURL},
		{name: "authorization URL cut short", text: "https://as.example.com/?response_type=code", want: ErrAuthorizationURL},
		{name: "another site", text: "https://as.example.com/callback?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "address of the network", text: "http://192.0.2.1:PORT/callback?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "another path", text: "http://127.0.0.1:PORT/other?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "longer path", text: "URI/?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "another path alone", text: "/other?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "another scheme", text: "ftp://127.0.0.1:PORT/callback?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "user before the host", text: "http://u@127.0.0.1/callback?code=CODE&state=STATE", want: ErrWrongAddress},
		{
			name: "host that begins alike", want: ErrWrongAddress,
			text: "http://localhost.example.com/callback?code=CODE&state=STATE",
		},
		{name: "broken address", text: "http://[::1/callback?code=CODE&state=STATE", want: ErrWrongAddress},
		{name: "result page", text: "http://127.0.0.1:PORT/result/ABC", want: ErrWrongAddress},
		{name: "two codes", text: "URI?code=CODE&code=other&state=STATE", want: ErrMalformed},
		{name: "two states", text: "code=CODE&state=STATE&state=STATE", want: ErrMalformed},
		{name: "damaged escape", text: "URI?code=%zz&state=STATE", want: ErrMalformed},
		{name: "huge code", text: "code=" + strings.Repeat("x", maxCode+1) + "&state=STATE", want: ErrTooLong},
		{name: "huge text", text: "code=CODE&state=STATE" + strings.Repeat(" ", maxQuery), want: ErrTooLong},
		{
			name: "iss missing where it is required", text: "CODE STATE", want: ErrNoIssuer,
			cfg: Config{Issuer: testIssuer, RequireIssuer: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.cfg)
			err := s.Deliver(fill(s, tt.text))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if _, ok := errors.AsType[Mistake](err); !ok {
				t.Errorf("got a %T, want a Mistake", err)
			}
			s.cfg.RequireIssuer = false // nothing reads it now
			stillWaits(t, s)
		})
	}
}
