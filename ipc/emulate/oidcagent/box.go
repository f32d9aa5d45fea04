package oidcagent

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"oauthd/ipc/api"

	"golang.org/x/crypto/nacl/box"
)

const (
	// mostRequest is how much a request may have, in bytes, before it is boxed.
	mostRequest = 16 << 10

	keySize   = 32
	nonceSize = 24
)

// line is a client's connection. What it carries is plain, or boxed with a key that both sides have worked out.
type line struct {
	c      io.ReadWriter
	random io.Reader
	key    *[keySize]byte // nil means that it is plain
}

// receive returns the client's request. An error without an [api.Error] means that none came.
func (l *line) receive() ([]byte, error) {
	limited := &io.LimitedReader{R: l.c, N: 2 * mostRequest}
	in := bufio.NewReader(limited)
	first, err := in.Peek(1)
	if err != nil {
		return nil, err
	}
	if first[0] == '{' {
		text, err := plain(in)
		if err != nil && limited.N == 0 {
			err = tooLarge()
		}
		return text, err
	}
	if err := l.exchange(in); err != nil {
		return nil, err
	}
	return l.open(in)
}

// plain reads an object of JSON. Its end is that of the request: clients keep their side open.
func plain(in io.Reader) ([]byte, error) {
	var text json.RawMessage
	err := json.NewDecoder(in).Decode(&text)
	if wrong := (*json.SyntaxError)(nil); errors.As(err, &wrong) {
		err = malformed()
	}
	return text, err
}

func tooLarge() error {
	return &api.Error{Code: api.TooLarge, Message: "the request has more than " + strconv.Itoa(mostRequest) + " bytes", Hint: "send less"}
}

// exchange swaps public keys: 44 bytes of base64 each way, without a line end.
func (l *line) exchange(in io.Reader) error {
	text := make([]byte, base64.StdEncoding.EncodedLen(keySize))
	if _, err := io.ReadFull(in, text); err != nil {
		return err
	}
	theirs, err := base64.StdEncoding.AppendDecode(nil, text)
	if err != nil || len(theirs) != keySize {
		return malformed()
	}
	public, private, err := box.GenerateKey(l.random)
	if err != nil {
		return err
	}
	l.key = new([keySize]byte)
	box.Precompute(l.key, (*[keySize]byte)(theirs), private)
	_, err = io.WriteString(l.c, base64.StdEncoding.EncodeToString(public[:]))
	return err
}

// open reads LENGTH:NONCE:BOX, where nonce and box are base64, and LENGTH is what the opened box has, in bytes.
func (l *line) open(in *bufio.Reader) ([]byte, error) {
	size, err := length(in)
	if err != nil {
		return nil, err
	}
	nonceText := base64.StdEncoding.EncodedLen(nonceSize)
	rest := make([]byte, nonceText+1+base64.StdEncoding.EncodedLen(size+box.Overhead))
	if _, err := io.ReadFull(in, rest); err != nil {
		return nil, err
	}
	nonce, err := base64.StdEncoding.AppendDecode(nil, rest[:nonceText])
	sealed, err2 := base64.StdEncoding.AppendDecode(nil, rest[nonceText+1:])
	if err != nil || err2 != nil || rest[nonceText] != ':' || len(nonce) != nonceSize {
		return nil, malformed()
	}
	text, ok := box.OpenAfterPrecomputation(nil, sealed, (*[nonceSize]byte)(nonce), l.key)
	if !ok {
		return nil, malformed()
	}
	return text, nil
}

// length reads a decimal number and the colon after it.
func length(in *bufio.Reader) (int, error) {
	for n, digits := 0, 0; ; digits++ {
		c, err := in.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case c == ':' && digits > 0:
			return n, nil
		case c < '0' || c > '9':
			return 0, malformed()
		}
		if n = 10*n + int(c-'0'); n > mostRequest {
			return 0, tooLarge()
		}
	}
}

// send writes an answer, in one piece: clients take what is there at first for the whole. Those that box take less than a
// buffer of 4096 bytes for the end of it, which suits: with a LENGTH of three to five digits, the whole is no multiple of 4.
func (l *line) send(answer []byte) error {
	out, err := l.seal(answer)
	if err != nil {
		return err
	}
	_, err = l.c.Write(out)
	return err
}

// seal returns answer as it goes to the client.
func (l *line) seal(answer []byte) ([]byte, error) {
	if l.key == nil {
		return answer, nil
	}
	var nonce [nonceSize]byte
	if _, err := io.ReadFull(l.random, nonce[:]); err != nil {
		return nil, err
	}
	out := strconv.AppendInt(nil, int64(len(answer)), 10)
	out = base64.StdEncoding.AppendEncode(append(out, ':'), nonce[:])
	return base64.StdEncoding.AppendEncode(append(out, ':'), box.SealAfterPrecomputation(nil, answer, &nonce, l.key)), nil
}
