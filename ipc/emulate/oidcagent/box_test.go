package oidcagent

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/crypto/nacl/box"
)

// What PyNaCl 1.5 made of the private keys 11… (the client's) and 22… (the agent's), and of the nonces 33… and 44….
const (
	goldenClient  = "e06Qm75//kTEZaIgA31gjuNYl9Me+XLwf3SJLLD3PxM="
	goldenAgent   = "D6poTtKIZ7l/Smot7l34zpdOdrcBjj8iocTPJnhXDyA="
	goldenRequest = "96:MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMz:aJcv0nUjJAH+yaY9YSoPgk0+vPzPnIgv1JAhAfiXpSCOZG6unm20y0rtrLr2faMhi9c5l4WDPTGuamE88ql4L6yhb9992zCVR21x478QUTHdtrkU5JfHKDne0XLfR+TQpFAi+D0Jxq1yVihxbeC0yw=="
	goldenAnswer  = "101:RERERERERERERERERERERERERERERERE:rdBlg751HtadpIkdh1LaYOPFaklY+tffT+cXfWFlJxEgs+k6bbKiwFT2T1s2TE2UjiO5wrjcivxffocFPnFyfwirA5srifmSm0fqj67RdPfkxal5JMqhEuK0PKgWhWEd7WbOSxLMAD1fM7RUBSiJ+/DGDInY"
)

// tape is a client that has said all that it has to say.
type tape struct {
	io.Reader
	answers [][]byte // one for each write
}

func (c *tape) Write(p []byte) (int, error) {
	c.answers = append(c.answers, bytes.Clone(p))
	return len(p), nil
}

// play serves what a client says, with the golden key and nonce, and returns what it gets, write by write.
func play(t testing.TB, d Daemon, said string) ([][]byte, error) {
	t.Helper()
	c := &tape{Reader: strings.NewReader(said)}
	random := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte{0x22}, keySize)), repeat(0x44))
	err := serve(context.Background(), &line{c: c, random: random}, d)
	return c.answers, err
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

func TestGoldenBytes(t *testing.T) {
	d := household()
	a := d.accounts["work"]
	a.Issuer = "https://id.example.com/"
	d.accounts["work"] = a
	answers, err := play(t, d, goldenClient+goldenRequest)
	if err != nil || len(answers) != 2 || string(answers[0]) != goldenAgent || string(answers[1]) != goldenAnswer {
		t.Errorf("got %q, %v, want %q and %q", answers, err, goldenAgent, goldenAnswer)
	}
}

// opened returns what is in the frames that play wrote.
func opened(t *testing.T, frame []byte) string {
	t.Helper()
	var key [keySize]byte
	private := [keySize]byte(bytes.Repeat([]byte{0x11}, keySize))
	public, err := base64.StdEncoding.DecodeString(goldenAgent)
	if err != nil {
		t.Fatal(err)
	}
	box.Precompute(&key, (*[keySize]byte)(public), &private)
	parts := strings.Split(string(frame), ":")
	if len(parts) != 3 {
		t.Fatalf("%q is no frame", frame)
	}
	nonce, err1 := base64.StdEncoding.DecodeString(parts[1])
	sealed, err2 := base64.StdEncoding.DecodeString(parts[2])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	text, ok := box.OpenAfterPrecomputation(nil, sealed, (*[nonceSize]byte)(nonce), &key)
	if !ok || parts[0] != fmt.Sprint(len(text)) {
		t.Fatalf("%q cannot be opened, or has not the length that it says", frame)
	}
	return string(text)
}

func TestFrames(t *testing.T) {
	body := strings.SplitN(goldenRequest, ":", 3)
	for name, test := range map[string]struct{ frame, want string }{
		"another key":     {goldenRequest[:len(goldenRequest)-8] + "AAAAyw==", "cannot read this request"},
		"no length":       {":" + body[1] + ":" + body[2], "cannot read this request"},
		"a signed length": {"+" + goldenRequest, "cannot read this request"},
		"no second colon": {body[0] + ":" + body[1] + ";" + body[2], "cannot read this request"},
		"no base64":       {body[0] + ":" + strings.Repeat("!", 32) + ":" + body[2], "cannot read this request"},
		"a huge length":   {"99999999999999999999:" + body[1], "more than 16384 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			answers, err := play(t, household(), goldenClient+test.frame)
			if err != nil || len(answers) != 2 {
				t.Fatalf("got %q, %v, want a key and a refusal", answers, err)
			}
			// The client for Go takes only what is boxed.
			if got := opened(t, answers[1]); !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %q in it", got, test.want)
			}
		})
	}
	for name, said := range map[string]string{
		"nothing": "", "half a key": goldenClient[:20], "no request": goldenClient, "half a frame": goldenClient + goldenRequest[:60], "half an object": `{"request":`,
	} {
		if answers, err := play(t, household(), said); err == nil || len(answers) > 1 {
			t.Errorf("%s: got %q, %v, want no answer", name, answers, err)
		}
	}
}

// A whole number of buffers would have a client wait for more, or fail: see send.
func TestBoxedAnswersFillNoBuffer(t *testing.T) {
	for n := 100; n < 100_000; n += 7 {
		frame := len(strconv.Itoa(n)) + len(":") + base64.StdEncoding.EncodedLen(nonceSize) + len(":") + base64.StdEncoding.EncodedLen(n+box.Overhead)
		if frame%4096 == 0 {
			t.Fatalf("an answer of %d bytes has %d in its box", n, frame)
		}
	}
	d := household()
	d.token.AccessToken = strings.Repeat("t", 20_000)
	answers, err := play(t, d, goldenClient+goldenRequest)
	if err != nil || len(answers) != 2 || !strings.Contains(opened(t, answers[1]), d.token.AccessToken) {
		t.Errorf("got %d answers, %v, want the key, and the whole token in one", len(answers), err)
	}
}

// FuzzServe: whatever a client says, there is an end, at most one answer besides our key, and no token without a request.
func FuzzServe(f *testing.F) {
	for _, said := range []string{goldenClient + goldenRequest, goldenClient, `{"request":"access_token","account":"work"}`, `{"request":"loaded_accounts"}`, "{", "GET / HTTP/1.1\r\n"} {
		f.Add([]byte(said))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		answers, err := play(t, household(), string(said))
		most := 1
		if len(said) > 0 && said[0] != '{' {
			most = 2
		}
		if len(answers) > most || err == nil && len(answers) == 0 {
			t.Errorf("got %d answers, %v", len(answers), err)
		}
		for _, answer := range answers {
			if bytes.Contains(answer, []byte("at-1")) && !bytes.Contains(said, []byte("access_token")) && !bytes.Contains(said, []byte(`\u`)) {
				t.Errorf("%q got %q", said, answer)
			}
		}
	})
}
