package quick

import "syscall"

// execution is the command line `oauthd exec -e VAR=NAME -- CMD [ARG]...`.
type execution struct {
	variable, account string
	argv              []string
}

// execCommand returns what a command line has to be executed.
func execCommand(arguments []byte) (e execution, ok bool) {
	var head [5]string
	for i := range head {
		head[i], arguments = argument(arguments)
	}
	if base(head[0]) != "oauthd" || head[1] != "exec" || head[2] != "-e" || head[4] != "--" {
		return e, false
	}
	e.variable, e.account, ok = pair(head[3])
	for ok && len(arguments) > 0 {
		var arg string
		arg, arguments = argument(arguments)
		e.argv = append(e.argv, arg)
	}
	return e, ok && len(e.argv) > 0 && e.argv[0] != ""
}

// pair splits VAR=NAME.
func pair(text string) (variable, account string, ok bool) {
	for i, c := range []byte(text) {
		switch {
		case c == '_', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', i > 0 && '0' <= c && c <= '9':
		case c == '=' && i > 0:
			return text[:i], text[i+1:], accountName(text[i+1:])
		default:
			return "", "", false
		}
	}
	return "", "", false
}

// become replaces this process by the program, with value in the variable. It returns if that is not to be had as easily.
func (e execution) become(environ []string, value []byte) {
	var path string
	env := make([]string, 0, len(environ)+1)
	for _, entry := range environ {
		if _, replaced := valueOf(entry, e.variable); !replaced {
			env = append(env, entry)
		}
		if value, ok := valueOf(entry, "PATH"); ok {
			path = value
		}
	}
	env = append(env, e.variable+"="+string(value))
	for _, c := range []byte(e.argv[0]) {
		if c == '/' {
			_ = syscall.Exec(e.argv[0], e.argv, env)
			return
		}
	}
	for rest := path; rest != ""; {
		dir := rest
		rest = ""
		for i := range dir {
			if dir[i] == ':' {
				dir, rest = dir[:i], dir[i+1:]
				break
			}
		}
		if dir == "" || dir[0] != '/' {
			return
		}
		switch syscall.Exec(dir+"/"+e.argv[0], e.argv, env) {
		case syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES:
		default:
			return
		}
	}
}

// valueOf returns the value that an entry of the environment gives to the variable.
func valueOf(entry, variable string) (value string, ok bool) {
	if len(entry) <= len(variable) || entry[:len(variable)] != variable || entry[len(variable)] != '=' {
		return "", false
	}
	return entry[len(variable)+1:], true
}
