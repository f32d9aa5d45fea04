package oauthtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// recording is an answer that is kept before it is sent.
type recording struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// record lets next answer r and keeps the answer.
func record(next http.Handler, r *http.Request) *recording {
	rec := &recording{header: make(http.Header)}
	next.ServeHTTP(rec, r)
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	return rec
}

// Header implements [http.ResponseWriter].
func (rec *recording) Header() http.Header { return rec.header }

// WriteHeader implements [http.ResponseWriter].
func (rec *recording) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
}

// Write implements [http.ResponseWriter].
func (rec *recording) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	return rec.body.Write(p)
}

func (rec *recording) replay(w http.ResponseWriter) {
	maps.Copy(w.Header(), rec.header)
	w.WriteHeader(rec.status)
	_, _ = w.Write(rec.body.Bytes())
}

// Alter changes the body of a real answer of success, of a status from 200 to 299; other answers pass as they are. The
// request is processed.
func Alter(change func(body []byte) []byte) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			if answer.status >= 200 && answer.status < 300 {
				body := change(bytes.Clone(answer.body.Bytes()))
				answer.body.Reset()
				answer.body.Write(body)
			}
			answer.replay(w)
		})
	}
}

// AlterFields changes the JSON object of a real answer of success. Numbers are [json.Number]s.
func AlterFields(change func(fields map[string]any)) Fault {
	return Alter(func(body []byte) []byte {
		decoder := json.NewDecoder(bytes.NewReader(body))
		decoder.UseNumber()
		var fields map[string]any
		if decoder.Decode(&fields) != nil || fields == nil {
			return body
		}
		change(fields)
		changed, err := json.Marshal(fields)
		if err != nil {
			return body
		}
		return changed
	})
}

// Set gives a field of a real answer another value, which is encoded as JSON: "3600" for a string, 3600.5 for a
// fraction, [json.RawMessage] for anything. It works on the token response, metadata and userinfo alike.
func Set(field string, value any) Fault {
	return AlterFields(func(fields map[string]any) { fields[field] = value })
}

// Remove takes a field out of a real answer.
func Remove(field string) Fault {
	return AlterFields(func(fields map[string]any) { delete(fields, field) })
}

// SetClaim gives a claim of the ID token in a real answer another value and signs it again; a nil value takes the
// claim out.
func (s *Server) SetClaim(name string, value any) Fault {
	return AlterFields(func(fields map[string]any) {
		text, _ := fields["id_token"].(string)
		claims := decodeClaims(text)
		if claims == nil {
			return
		}
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
		if signed, err := s.sign(claims); err == nil {
			fields["id_token"] = signed
		}
	})
}

// decodeClaims returns the payload of a JWT of ours, unchecked, or nil.
func decodeClaims(jwt string) map[string]any {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	var claims map[string]any
	if decoder.Decode(&claims) != nil {
		return nil
	}
	return claims
}

// AlterRedirect changes the parameters of an authorization response on its way to the redirect URI; a page passes as
// it is.
func AlterRedirect(change func(parameters url.Values)) Fault {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := record(next, r)
			if u, err := url.Parse(answer.header.Get("Location")); err == nil && u.Host != "" {
				parameters := u.Query()
				change(parameters)
				u.RawQuery = parameters.Encode()
				answer.header.Set("Location", u.String())
			}
			answer.replay(w)
		})
	}
}
