package quick

// accessToken returns the access token of an answer, and when it expires, nil if the answer does not say. The answer must be one line of JSON and simple: one object of
// strings without escapes and of whole numbers, as the daemon writes it. An error is an object within, so it is not
// simple.
func accessToken(answer []byte) (token, expiresAt []byte, ok bool) {
	r := reader{rest: answer}
	for more := r.take('{'); more; more = r.take(',') {
		name := r.name()
		r.need(':')
		if !r.starts('"') {
			r.number()
			continue
		}
		value := r.text()
		switch string(name) {
		case "access_token":
			if token != nil {
				return nil, nil, false
			}
			token = value
		case "token_type":
			if string(value) == "DPoP" { // not for every use
				return nil, nil, false
			}
		case "expires_at":
			if expiresAt != nil {
				return nil, nil, false
			}
			expiresAt = value
		}
	}
	r.need('}')
	r.need('\n')
	return token, expiresAt, !r.failed && len(r.rest) == 0 && len(token) > 0
}

// reader reads simple JSON from the front of rest. Once it has failed it makes no progress.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) starts(c byte) bool { return !r.failed && len(r.rest) > 0 && r.rest[0] == c }

func (r *reader) take(c byte) bool {
	if !r.starts(c) {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

func (r *reader) need(c byte) {
	if !r.take(c) {
		r.failed = true
	}
}

// text reads a string whose characters stand for themselves.
func (r *reader) text() []byte {
	r.need('"')
	for i, c := range r.rest {
		switch {
		case r.failed, c < ' ', c > '~', c == '\\':
			r.failed = true
			return nil
		case c == '"':
			value := r.rest[:i:i]
			r.rest = r.rest[i+1:]
			return value
		}
	}
	r.failed = true
	return nil
}

// name reads a member's name. Without capital letters there is only one way to spell it, even for a reader that does not
// distinguish them, as encoding/json does not.
func (r *reader) name() []byte {
	name := r.text()
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			r.failed = true
		}
	}
	return name
}

// number reads a whole number that is not negative.
func (r *reader) number() {
	n := 0
	for n < len(r.rest) && '0' <= r.rest[n] && r.rest[n] <= '9' {
		n++
	}
	if n == 0 || n > 1 && r.rest[0] == '0' {
		r.failed = true
		return
	}
	r.rest = r.rest[n:]
}
