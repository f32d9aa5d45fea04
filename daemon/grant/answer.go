package grant

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

// Answer is what a provider said to a [Request].
type Answer struct {
	Status int
	Header http.Header
	// Body is what was received, at most [provider.MaxBody] bytes.
	Body []byte

	// tooLarge is true if Body is only the first [provider.MaxBody] bytes.
	tooLarge bool
	// broken is why reading the body stopped early; nil if it is complete.
	broken error
	// sentAt is taken before the request left, so that what is counted from it ends early rather than late.
	sentAt time.Time
	now    time.Time
	// op and place name the request in errors; secrets are what it carried.
	op, place string
	secrets   []string
	// boundTo is the key of which the request had a proof (RFC 9449 §5); zero if it had none.
	boundTo ProofKey
}

// read reads the answer; now is the clock, which is asked at its end.
func (a *Answer) read(res *http.Response, now func() time.Time) {
	a.Status, a.Header = res.StatusCode, res.Header
	body, whole, err := provider.ReadBody(res.Body)
	if err != nil {
		a.broken = provider.SafeCause(err)
	}
	a.Body, a.tooLarge, a.now = body, !whole && err == nil, now()
}

// Fail returns the error for an answer without an error code. It is transient if the status is.
func (a Answer) Fail(kind Kind, reason string) *ProviderError {
	if a.passing() {
		kind = Transient
	}
	return &ProviderError{
		Kind: kind, Op: a.op, Endpoint: a.place, Status: a.Status, Reason: reason,
		RetryAfter: provider.RetryAfter(a.Header, a.now),
	}
}

// failBroken returns the error for an answer that broke off.
func (a Answer) failBroken() *ProviderError {
	e := a.Fail(Transient, "")
	e.cause, e.Ambiguous = a.broken, a.OK()
	return e
}

// OK reports whether the status says that the request succeeded.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Whole reports whether Body is all of the answer.
func (a Answer) Whole() bool { return a.broken == nil && !a.tooLarge }

// passing reports whether the status alone says that another try may succeed later.
func (a Answer) passing() bool { return a.Status == 408 || a.Status == 429 || a.Status >= 500 }

// refusal reads an OAuth error from an answer's members: error as a code, or as an object that holds one. It returns
// nil if there is none.
func (a Answer) refusal(members Members) *ProviderError {
	code, description := members.Text("error"), members.Text("error_description")
	object := members.Object("error")
	if object != nil {
		code = object.first("code", "error", "status", "type")
		description = object.first("message", "error_description", "description")
	}
	if code == "" && object == nil {
		return nil
	}
	e := a.Fail(kindOf(code), "")
	a.secrets = append(members.secrets(), a.secrets...)
	e.Code = a.excerpt(code)
	e.Description = a.excerpt(description)
	e.Subtype = a.excerpt(members.first("error_subtype", "suberror"))
	return e
}

// excerpt is [api.Excerpt] of text without the secrets: providers have been seen to quote the token they refuse, and the
// header it came in.
func (a Answer) excerpt(text string) string {
	text = api.Printable(text)
	for _, form := range quotable(a.secrets) {
		text = strings.ReplaceAll(text, form, "[redacted]")
	}
	return api.Excerpt(text)
}

// leastRun is how many bytes in a row that no encoding changes are worth replacing, of a secret that also has others.
const leastRun = 8

// quotable returns the forms in which a provider may quote secrets, longest first, so that replacing one leaves no part of
// another. Escaped for HTML, for JSON, or twice, a secret keeps its letters and digits, so runs of them are forms too. Very
// short secrets are left out: they would be found in any text.
func quotable(secrets []string) []string {
	var forms []string
	for _, secret := range secrets {
		if len(secret) < 4 {
			continue
		}
		forms = append(forms, api.Printable(secret), url.QueryEscape(secret), url.PathEscape(secret))
		for run := range strings.FieldsFuncSeq(secret, escapable) {
			if len(run) >= leastRun {
				forms = append(forms, run)
			}
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
}

// escapable reports whether some encoding of text writes r in another way.
func escapable(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Members returns the members of an answer that should be a JSON object.
func (a Answer) Members() (Members, *ProviderError) {
	members, fail := a.parse(Unknown)
	if fail != nil {
		return nil, fail
	}
	return members, nil
}

// TokenMembers is [Answer.Members] for a token endpoint. A success that cannot be read came from something in between,
// or was cut off, so the error is transient. Along with an error it returns the members before the damage.
func (a Answer) TokenMembers() (Members, *ProviderError) {
	return a.parse(Transient)
}

// parse reads an answer that should be a JSON object; a success that is not one fails with the kind unreadable. Along
// with an error it returns the members before the damage.
func (a Answer) parse(unreadable Kind) (Members, *ProviderError) {
	if a.Status >= 300 && a.Status < 400 {
		return nil, a.Fail(Unknown, "the answer is a redirect, which is not followed")
	}
	members, err := parseMembers(a.Header.Get("Content-Type"), a.Body)
	refused := a.refusal(members)
	switch {
	case refused != nil:
		return members, refused
	case a.broken != nil:
		return members, a.failBroken()
	case !a.OK():
		return members, a.Fail(Unknown, "an error without a code")
	case a.tooLarge:
		return members, a.Fail(unreadable, "the answer is too large")
	case err != nil:
		fail := a.Fail(unreadable, err.Error())
		fail.Ambiguous = errors.Is(err, errCutOff)
		return members, fail
	}
	return members, nil
}

// IDToken reads an answer that should have an ID token as its member of that name. It does not verify the token.
func (a Answer) IDToken(member string) (account.Secret, *ProviderError) {
	members, fail := a.TokenMembers()
	if fail != nil {
		return account.Secret{}, fail
	}
	idToken := account.NewSecret(members.Text(member))
	if ClaimedExpiry(idToken).IsZero() {
		return account.Secret{}, a.Fail(Unknown, "the answer has no usable "+member)
	}
	return idToken, nil
}

// Left returns how long it is until an instant, at most ten years. It goes by the provider's clock, as the answer's
// Date has it (RFC 9110 §6.6.1), because this machine's may be wrong.
func (a Answer) Left(until time.Time) time.Duration {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		date = a.now
	}
	return min(until.Sub(date), maxLifetime)
}

// Expiry returns when something with this lifetime ends, by this machine's clock, counted from before the request was
// sent.
func (a Answer) Expiry(lifetime time.Duration) time.Time { return a.sentAt.Add(lifetime).Round(0) }

// errCutOff means that part of the answer is missing, so the provider may have acted on the request.
var errCutOff = errors.New("the answer is cut off")

// parseMembers reads an answer as JSON, or as a form if the content type says so; plain text is taken for what it looks
// like. Along with an error it returns the members before the damage.
func parseMembers(contentType string, body []byte) (Members, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	media, _, _ := mime.ParseMediaType(contentType)
	switch {
	case len(body) == 0:
		return nil, fmt.Errorf("%w: it is empty", errCutOff)
	case body[0] == '<', media == "text/html" && body[0] != '{':
		return nil, errors.New("the answer is a web page; does this network want a login of its own?")
	}
	form := media == "application/x-www-form-urlencoded" || media == "text/plain"
	if form && body[0] != '{' {
		return parseForm(body)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("the answer is not a JSON object")
	}
	members := make(Members)
	for dec.More() {
		name, _ := dec.Token()
		key, ok := name.(string)
		if !ok {
			return members, errCutOff
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return members, errCutOff
		}
		members[key] = value
	}
	if _, err := dec.Token(); err != nil {
		return members, errCutOff
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return members, errors.New("the answer has something after its JSON object")
	}
	return members, nil
}

func parseForm(body []byte) (Members, error) {
	values, err := url.ParseQuery(string(body))
	members := make(Members)
	for name := range values {
		value, err := json.Marshal(values.Get(name))
		if err != nil {
			return members, errors.New("the answer is not a form")
		}
		members[name] = value
	}
	if err != nil {
		return members, errors.New("the answer is not a form")
	}
	return members, nil
}
