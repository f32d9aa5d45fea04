package quick

import "syscall"

// maxArguments is more than a command line that we answer has, unless the path to the program is very long.
const maxArguments = 1 << 10

// arguments returns the command line as the kernel has it, each argument with a zero byte at its end. The arguments in
// os.Args belong to a package that is not initialised yet. The result is nil if they are too long or cannot be read.
func arguments() []byte {
	fd, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer syscall.Close(fd)
	line := make([]byte, maxArguments)
	n, err := syscall.Read(fd, line)
	if err != nil || n == len(line) {
		return nil
	}
	return line[:n]
}

// account returns NAME if the command line is `oauthd token NAME`. Under other names a program may speak another
// language.
func account(arguments []byte) (name string, ok bool) {
	program, rest := argument(arguments)
	verb, rest := argument(rest)
	name, rest = argument(rest)
	if len(rest) > 0 || verb != "token" || !accountName(name) {
		return "", false
	}
	program = base(program)
	return name, program == "oauthd" || program == "oauthd-helper"
}

// argument cuts off the first argument. It is empty if there is none, or if its end is missing.
func argument(line []byte) (first string, rest []byte) {
	for i, c := range line {
		if c == 0 {
			return string(line[:i]), line[i+1:]
		}
	}
	return "", nil
}

func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

// accountName reports whether name is made like an account's name. The daemon knows whether it is one.
func accountName(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for i, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '@' || c == '+' || c == '-'):
		default:
			return false
		}
	}
	return true
}
