package quick

import "syscall"

// maxInput is more than git says about a credential, in bytes.
const maxInput = 4 << 10

// credential is what git asks for (git-credential(1)), as far as it is plain: whatever would have to be quoted somewhere is
// left to the usual path.
type credential struct {
	protocol, host, path, username string
	// authtype is true if git takes an authorization header's value too.
	authtype bool
}

// gitHelper reports whether the command line is `git-credential-oauthd get`.
func gitHelper(arguments []byte) bool {
	program, rest := argument(arguments)
	operation, rest := argument(rest)
	return base(program) == "git-credential-oauthd" && operation == "get" && len(rest) == 0
}

// input returns all of standard input, which must end soon and be short; Input has what was read.
func input() (text []byte, ok bool) {
	buffer := make([]byte, maxInput)
	n := 0
	for n < len(buffer) {
		more, err := syscall.Read(syscall.Stdin, buffer[n:])
		if err != nil || more <= 0 {
			Input = buffer[:n]
			return Input, err == nil
		}
		n += more
		if n >= 2 && buffer[n-1] == '\n' && buffer[n-2] == '\n' { // git's request ends with a blank line
			break
		}
	}
	Input = buffer[:n]
	return Input, n < len(buffer)
}

// gitRequest reads git's request.
func gitRequest(text []byte) (c credential, ok bool) {
	for len(text) > 0 {
		line := text
		text = nil
		for i := range line {
			if line[i] == '\n' {
				line, text = line[:i], line[i+1:]
				break
			}
		}
		if len(line) == 0 {
			break
		}
		key, value, cut := cutAt(line, '=')
		if !cut || !printable(value) {
			return c, false
		}
		switch key {
		case "protocol":
			c.protocol = value
		case "host":
			c.host = value
		case "path":
			c.path = value
		case "username":
			c.username = value
		case "password":
			return c, false
		case "capability[]":
			c.authtype = c.authtype || value == "authtype"
		}
	}
	return c, c.host != "" && simple(c.protocol, "") && simple(c.host, ".-:") && simple(c.path, "._~-/") && simple(c.username, "._-")
}

func cutAt(line []byte, sep byte) (before, after string, ok bool) {
	for i, c := range line {
		if c == sep {
			return string(line[:i]), string(line[i+1:]), true
		}
	}
	return "", "", false
}

func printable(text string) bool {
	for _, c := range []byte(text) {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// simple reports whether text has letters, digits and the given characters alone.
func simple(text, others string) bool {
	for _, c := range []byte(text) {
		known := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		for _, other := range []byte(others) {
			known = known || c == other
		}
		if !known {
			return false
		}
	}
	return true
}

// request is the request for a token that may be used where git wants one.
func (c credential) request() []byte {
	user := ""
	if c.username != "" {
		user = c.username + "@"
	}
	return []byte(`{"url":"` + c.protocol + "://" + user + c.host + "/" + c.path + "\"}\n")
}

// answer is what git is told.
func (c credential) answer(token, expiresAt []byte) (text []byte, ok bool) {
	user := c.username
	if user == "" {
		user = userFor(c.host)
	}
	if c.authtype {
		text = append(text, "capability[]=authtype\nauthtype=Basic\ncredential="...)
		text = appendBase64(text, append([]byte(user+":"), token...))
		text = append(text, "\nephemeral=1\n"...)
	}
	text = append(text, "username="+user+"\npassword="...)
	text = append(append(text, token...), '\n')
	if len(expiresAt) == 0 {
		return text, true
	}
	seconds, ok := unixTime(expiresAt)
	text = append(text, "password_expiry_utc="...)
	return append(appendNumber(text, seconds), '\n'), ok
}

// userFor is the user name that a host wants beside a token; oauthd/ipc/dialect/git knows the same.
func userFor(host string) string {
	name := make([]byte, 0, len(host))
	for _, c := range []byte(host) {
		if c == ':' {
			break
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		name = append(name, c)
	}
	switch {
	case within(name, "github.com"):
		return "x-access-token"
	case within(name, "bitbucket.org"):
		return "x-token-auth"
	}
	return "oauth2"
}

// within reports whether name is domain, or below it.
func within(name []byte, domain string) bool {
	if len(name) < len(domain) || string(name[len(name)-len(domain):]) != domain {
		return false
	}
	return len(name) == len(domain) || name[len(name)-len(domain)-1] == '.'
}

// unixTime reads a time in UTC, as of RFC 3339 and without fractions.
func unixTime(text []byte) (seconds int64, ok bool) {
	const form = "0000-00-00T00:00:00Z"
	if len(text) != len(form) {
		return 0, false
	}
	for i, c := range []byte(form) {
		if c == '0' && (text[i] < '0' || text[i] > '9') || c != '0' && text[i] != c {
			return 0, false
		}
	}
	number := func(from, to int) (n int64) {
		for _, c := range text[from:to] {
			n = 10*n + int64(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	if year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 {
		return 0, false
	}
	// Days since 1970 in a calendar whose years begin in March, so that a leap day is the last of one.
	if month <= 2 {
		year--
		month += 12
	}
	days := 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
	return days*86400 + number(11, 13)*3600 + number(14, 16)*60 + number(17, 19), true
}

func appendNumber(text []byte, n int64) []byte {
	if n >= 10 {
		text = appendNumber(text, n/10)
	}
	return append(text, byte('0'+n%10))
}

// appendBase64 appends data in base64 (RFC 4648 §4).
func appendBase64(text, data []byte) []byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for len(data) > 0 {
		var three [3]byte
		n := copy(three[:], data)
		data = data[n:]
		bits := uint(three[0])<<16 | uint(three[1])<<8 | uint(three[2])
		four := [4]byte{digits[bits>>18&63], digits[bits>>12&63], digits[bits>>6&63], digits[bits&63]}
		for i := n + 1; i < 4; i++ {
			four[i] = '='
		}
		text = append(text, four[:]...)
	}
	return text
}
