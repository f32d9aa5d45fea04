package config

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/ipc/api"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// ruleKeys are the keys of an [[allow]] or [[deny]].
type ruleKeys struct {
	App    string `toml:"app,omitempty"`
	Unit   string `toml:"unit,omitempty"`
	Exe    string `toml:"exe,omitempty"`
	Origin string `toml:"origin,omitempty"`
	UID    *int   `toml:"uid,omitempty"`
	Socket string `toml:"socket,omitempty"`
	limitKeys
	MaxTTL string `toml:"max_ttl,omitempty"`
	Rate   string `toml:"rate,omitempty"`
}

// limitKeys are what a rule and a restricted socket limit a token to. A list that is empty allows nothing; one that is not
// there, nil, limits nothing.
type limitKeys struct {
	Scopes    *[]string `toml:"scopes,omitempty"`
	Audiences *[]string `toml:"audiences,omitempty"`
}

func limitKeysOf(l account.Limits) (k limitKeys) {
	if l.Scopes != nil {
		k.Scopes = &l.Scopes
	}
	if l.Audiences != nil {
		k.Audiences = &l.Audiences
	}
	return k
}

func (k limitKeys) limits() (l account.Limits) {
	if k.Scopes != nil {
		l.Scopes = append([]string{}, account.Scopes(*k.Scopes...)...)
	}
	if k.Audiences != nil {
		l.Audiences = append([]string{}, *k.Audiences...)
	}
	return l
}

// wrong says what is wrong with the limits.
func (k limitKeys) wrong() (found []string) {
	for _, scope := range k.limits().Scopes {
		if err := account.CheckScope(scope); err != nil {
			found = append(found, fmt.Sprintf("scopes: %v", err))
		}
	}
	for _, audience := range k.limits().Audiences {
		if err := CheckAudience(audience); err != nil {
			found = append(found, fmt.Sprintf("audiences: %v", err))
		}
	}
	return found
}

// The names of the tables of rules.
const (
	allowTable = "allow"
	denyTable  = "deny"
)

// rulePlace is where a rule begins.
type rulePlace struct {
	deny bool
	line int
}

// rulePlaces returns where the rules of a file are, in their order, which two lists do not show.
func rulePlaces(text []byte) (places []rulePlace) {
	var p unstable.Parser
	for p.Reset(text); p.NextExpression(); {
		e := p.Expression()
		if e.Kind != unstable.ArrayTable {
			continue
		}
		key := e.Key()
		if !key.Next() || !key.IsLast() {
			continue
		}
		name := key.Node()
		if table := string(name.Data); table == allowTable || table == denyTable {
			places = append(places, rulePlace{table == denyTable, 1 + bytes.Count(text[:name.Raw.Offset], []byte("\n"))})
		}
	}
	return places
}

// policy is what the keys say of who may use the account. Mistakes are added to s.
func (k accountKeys) policy(s *source) (p account.Policy) {
	p.Confirm = account.Confirm(k.Confirm)
	s.check("", "confirm", k.Confirm, checkConfirm)
	places := rulePlaces(s.text)
	allow, deny := k.Allow, k.Deny
	if len(places) != len(allow)+len(deny) {
		s.add(0, "write each rule as a table of its own, [[allow]] or [[deny]]: their order counts")
		return p
	}
	for _, at := range places {
		from := &allow
		if at.deny {
			from = &deny
		}
		keys := (*from)[0]
		*from = (*from)[1:]
		for _, wrong := range keys.wrong(at.deny) {
			s.add(at.line, "%s", wrong)
		}
		p.Rules = append(p.Rules, keys.rule(at, s.file))
	}
	return p
}

func (k ruleKeys) rule(at rulePlace, file string) account.Rule {
	r := account.Rule{
		Deny: at.deny, App: k.App, Unit: k.Unit, Exe: k.Exe, Origin: k.Origin, Socket: k.Socket, UID: k.UID, File: file, Line: at.line,
		Limits: k.limits(),
	}
	r.MaxTTL = api.Span(k.MaxTTL).Duration()
	r.Rate, _ = ParseRate(k.Rate)
	return r
}

// wrong says what is wrong with a rule.
func (k ruleKeys) wrong(deny bool) (found []string) {
	for _, p := range []struct{ key, pattern string }{
		{"app", k.App}, {"unit", k.Unit}, {"exe", k.Exe}, {"origin", k.Origin}, {"socket", k.Socket},
	} {
		if _, err := path.Match(p.pattern, ""); err != nil {
			found = append(found, fmt.Sprintf("%s: %q is no pattern: a [ has no ]", p.key, api.Excerpt(p.pattern)))
		}
	}
	found = append(found, k.limitKeys.wrong()...)
	if err := api.Span(k.MaxTTL).Check(); err != nil {
		found = append(found, fmt.Sprintf("max_ttl: %v", err))
	}
	if _, err := ParseRate(k.Rate); err != nil {
		found = append(found, fmt.Sprintf("rate: %v", err))
	}
	if k.UID != nil && *k.UID < 0 {
		found = append(found, "uid: must be a user's number")
	}
	if deny && (k.Scopes != nil || k.Audiences != nil || k.MaxTTL != "" || k.Rate != "") {
		found = append(found, "[[deny]] takes no scopes, audiences, max_ttl or rate: what it matches gets nothing")
	}
	return found
}

// ParseRate reads a rate such as "10/m": so many times per second (s), minute (m), hour (h) or day (d). "" is no limit.
func ParseRate(text string) (account.Rate, error) {
	if text == "" {
		return account.Rate{}, nil
	}
	number, unit, _ := strings.Cut(text, "/")
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[unit]
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || per == 0 {
		return account.Rate{}, errors.New(`must be like "10/m": so many per s, m, h or d`)
	}
	return account.Rate{Times: n, Per: per}, nil
}

func rateText(r account.Rate) string {
	if r == (account.Rate{}) {
		return ""
	}
	units := map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", 24 * time.Hour: "d"}
	return strconv.Itoa(r.Times) + "/" + units[r.Per]
}

func checkConfirm(text string) error {
	if slices.Contains([]account.Confirm{account.ConfirmNever, account.ConfirmFirst, account.ConfirmAlways}, account.Confirm(text)) {
		return nil
	}
	return errors.New(`must be "never", "first" or "always"`)
}

// encodeRules returns the text of rules, each a table of its own, so that their order stays.
func encodeRules(rules []account.Rule) ([]byte, error) {
	var out bytes.Buffer
	for _, r := range rules {
		table := allowTable
		if r.Deny {
			table = denyTable
		}
		text, err := toml.Marshal(ruleKeys{
			App: r.App, Unit: r.Unit, Exe: r.Exe, Origin: r.Origin, UID: r.UID, Socket: r.Socket,
			limitKeys: limitKeysOf(r.Limits), MaxTTL: spanText(r.MaxTTL), Rate: rateText(r.Rate),
		})
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, "\n[[%s]]\n%s", table, text)
	}
	return out.Bytes(), nil
}

func spanText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// RuleText returns a rule as it stands in an account's file.
func RuleText(r account.Rule) string {
	text, err := encodeRules([]account.Rule{r})
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}
