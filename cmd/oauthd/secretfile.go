package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"

	"oauthd/ipc/api"
)

// secretFile is a kind of file whose content goes to the daemon unread.
type secretFile struct {
	name string
	what string // as in "is too large to be WHAT"
	most int64  // far above any such file
	hint string
}

var (
	clientSecretsFile = secretFile{"client_secrets", "a client_secrets file", 256 << 10, "download the client's JSON at the provider again"}
	keyFile           = secretFile{"the key file", "a private key", 64 << 10, "give the key's PEM, JWK or JSON file itself"}
)

// read returns what is in path, or on stdin for "-".
func (k secretFile) read(path string, stdin io.Reader) (api.Confidential, error) {
	from := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fileProblem(k.name, err)
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, k.most+1))
	if err != nil {
		return "", fileProblem(k.name, err)
	}
	if int64(len(text)) > k.most {
		return "", badRequest(api.Excerpt(path)+" is too large to be "+k.what, k.hint)
	}
	if len(text) == 0 {
		return "", badRequest(api.Excerpt(path)+" is empty", k.hint)
	}
	return api.Confidential(text), nil
}

// maxSecret is far above any client secret.
const maxSecret = 64 << 10

// readSecret reads the first line.
func readSecret(stdin io.Reader) (api.Confidential, error) {
	if isTerminal(stdin) {
		return "", badRequest("--client-secret-stdin reads a pipe or a file, not the terminal", "oauthd login NAME --client-secret-stdin < FILE")
	}
	line, err := bufio.NewReader(io.LimitReader(stdin, maxSecret+1)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fileProblem("standard input", err)
	}
	if len(line) > maxSecret {
		return "", badRequest("what came on standard input is too long to be a client secret", "oauthd login NAME --client-secret-stdin < FILE")
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", badRequest("no client secret came on standard input", "oauthd login NAME --client-secret-stdin < FILE")
	}
	return api.Confidential(line), nil
}

// fileProblem words a file that cannot be read.
func fileProblem(what string, err error) error {
	return &api.Error{Code: api.BadRequest, Message: api.Excerpt(what) + " cannot be read: " + api.Excerpt(err.Error()), Hint: "check the path and its permissions"}
}
