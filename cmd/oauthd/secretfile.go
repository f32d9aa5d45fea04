package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/own"
)

// secretFile is a kind of file whose content goes to the daemon unread.
type secretFile struct {
	name string // as in "NAME cannot be read"
	what string // as in "is too large to be WHAT"
	most int    // far above any such file
	hint string
}

var (
	clientSecretsFile = secretFile{"client_secrets", "a client_secrets file", 256 << 10, "download the client's JSON at the provider again"}
	keyFile           = secretFile{"the key file", "a private key", 64 << 10, "give the key's PEM, JWK or JSON file itself"}
	sourceFile        = secretFile{"the file", "a saved login", 512 << 10, "oauthd import --help lists the formats that oauthd reads"}
)

// read returns what is in path, or on stdin for "-".
func (k secretFile) read(path string, stdin io.Reader) (api.Confidential, error) {
	given, err := k.open(path, stdin)
	if err != nil {
		return "", err
	}
	if len(given.Data) == 0 {
		return "", badRequest(api.Excerpt(path)+" is empty", k.hint)
	}
	return api.Confidential(given.Data), nil
}

// open returns what is in path, or on stdin for "-". What is not from a file, but from a pipe, has no Info.
func (k secretFile) open(path string, stdin io.Reader) (*own.Named, error) {
	given, err := k.openAny(path, stdin)
	switch {
	case errors.Is(err, own.ErrTooLarge), err == nil && len(given.Data) > k.most:
		return nil, badRequest(api.Excerpt(path)+" is too large to be "+k.what, k.hint)
	case err != nil:
		return nil, fileProblem(k.name, err)
	}
	if _, err := own.Text(given.Data); err != nil {
		return nil, badRequest(api.Excerpt(path)+" "+err.Error(), savesUTF8)
	}
	return given, nil
}

// savesUTF8 is the way out of a file that PowerShell's > wrote.
const savesUTF8 = "in PowerShell: Get-Content FILE | Set-Content -Encoding utf8 NEWFILE"

func (k secretFile) openAny(path string, stdin io.Reader) (*own.Named, error) {
	if path == "-" {
		data, err := io.ReadAll(io.LimitReader(stdin, int64(k.most)+1))
		return &own.Named{Data: data}, err
	}
	if !isDescriptor(path) {
		return own.OpenNamed(path, k.most)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(k.most)+1))
	return &own.Named{Data: data}, err
}

// isDescriptor reports whether path names what the shell has opened for us, as in oauthd import <(rclone config show).
func isDescriptor(path string) bool {
	return path == "/dev/stdin" || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// maxSecret is far above any client secret.
const maxSecret = 64 << 10

// readSecret reads the first line.
func readSecret(stdin io.Reader) (api.Confidential, error) {
	const again = "oauthd login NAME --client-secret-stdin < FILE"
	if screen.IsTerminal(stdin) {
		return "", badRequest("--client-secret-stdin reads a pipe or a file, not the terminal", again)
	}
	text, err := readText(stdin, maxSecret, "a client secret", again)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(text, "\n")
	if line = strings.TrimRight(line, "\r"); line == "" {
		return "", badRequest("no client secret came on standard input", again)
	}
	return api.Confidential(line), nil
}

// readText reads a text, which is what, from standard input. It may have most bytes.
func readText(stdin io.Reader, most int, what, hint string) (string, error) {
	data, err := io.ReadAll(io.LimitReader(stdin, int64(most)+1))
	if err != nil {
		return "", fileProblem("standard input", err)
	}
	if len(data) > most {
		return "", badRequest("what came on standard input is too long to be "+what, hint)
	}
	text, err := own.Text(data)
	if err != nil {
		return "", badRequest("what came on standard input "+err.Error(), savesUTF8)
	}
	return string(text), nil
}

// fileProblem words a file that cannot be read, or is not to be trusted.
func fileProblem(what string, err error) error {
	var refused *own.Refused
	if errors.As(err, &refused) {
		p := &api.Error{Code: api.BadRequest, Message: api.Excerpt(refused.Error()), Hint: refused.Hint}
		if p.Hint == "" {
			p.Hint = "give a file of your own, or - to read standard input"
		}
		return p.Because(err)
	}
	return &api.Error{Code: api.BadRequest, Message: api.Excerpt(what) + " cannot be read: " + api.Excerpt(err.Error()), Hint: "check the path and its permissions"}
}
