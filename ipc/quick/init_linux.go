package quick

import "syscall"

func init() {
	line := arguments()
	name, ok := account(line)
	var e execution
	if !ok {
		if e, ok = execCommand(line); !ok {
			return
		}
		name = e.account
	}
	environ := syscall.Environ()
	at, ok := find(environ, syscall.Getuid(), privateDir)
	if !ok {
		return
	}
	answer, ok := ask(at, name, patience)
	if !ok {
		return
	}
	token, ok := accessToken(answer)
	if !ok {
		return
	}
	if e.argv != nil {
		e.become(environ, token)
		return
	}
	output := append(token, '\n')
	switch n, err := syscall.Write(syscall.Stdout, output); {
	case err != nil || n <= 0:
		return
	case n < len(output):
		Rest = output[n:]
	default:
		syscall.Exit(0)
	}
}
