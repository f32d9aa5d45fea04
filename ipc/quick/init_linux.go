package quick

import "syscall"

func init() {
	line := arguments()
	var request []byte
	var e execution
	var c credential
	git := gitHelper(line)
	if git {
		text, ok := input()
		if ok {
			c, ok = gitRequest(text)
		}
		if !ok {
			return
		}
		request = c.request()
	} else {
		name, ok := account(line)
		if !ok {
			if e, ok = execCommand(line); !ok {
				return
			}
			name = e.account
		}
		request = named(name)
	}
	environ := syscall.Environ()
	at, ok := find(environ, syscall.Getuid(), privateDir)
	if !ok {
		return
	}
	answer, ok := ask(at, request, patience)
	if !ok {
		return
	}
	token, expiresAt, ok := accessToken(answer)
	if !ok {
		return
	}
	if e.argv != nil {
		e.become(environ, token)
		return
	}
	output := append(token, '\n')
	if git {
		if output, ok = c.answer(token, expiresAt); !ok {
			return
		}
	}
	switch n, err := syscall.Write(syscall.Stdout, output); {
	case err != nil || n <= 0:
		return
	case n < len(output):
		Rest = output[n:]
	default:
		syscall.Exit(0)
	}
}
