package api

import (
	"strings"
	"time"
)

// PolicyQuestion asks what an account's policy says to a caller. Without any evidence it is about the caller itself.
type PolicyQuestion struct {
	Account    string `json:"account"`
	App        string `json:"app,omitempty"`
	Unit       string `json:"unit,omitempty"`
	Executable string `json:"exe,omitempty"`
	Origin     string `json:"origin,omitempty"`
	Socket     string `json:"socket,omitempty"`
	// Scope is what the caller asks for, space-separated; "" names none.
	Scope    string `json:"scope,omitempty"`
	Audience string `json:"audience,omitempty"`
}

// Values of [PolicyAnswer.Outcome].
const (
	PolicyAllowed = "allowed"
	PolicyAsk     = "ask" // a person is asked
	PolicyRefused = "refused"
)

// PolicyAnswer is what an account's policy says, and why.
type PolicyAnswer struct {
	Account string `json:"account"`
	Outcome string `json:"outcome"`
	// Why is a sentence.
	Why string `json:"why"`
	// Rule is the rule that decides, as it stands in File at Line; "" if none does.
	Rule string `json:"rule,omitempty"`
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	// Scopes and Audiences are what the caller would be limited to; nil for no limit.
	Scopes    []string `json:"scopes,omitzero"`
	Audiences []string `json:"audiences,omitzero"`
	// Caller is who was asked about.
	Caller Evidence `json:"caller"`
}

// ScopesText returns the scopes that a caller is limited to as a person reads them: all if scopes is nil, which limits
// nothing.
func ScopesText(scopes []string, all string) string {
	switch {
	case scopes == nil:
		return all
	case len(scopes) == 0:
		return "no scope"
	}
	return strings.Join(scopes, " ")
}

// Values of [ConsentAnswer.Answer]: for how long a caller may use an account.
const (
	ConsentOnce   = "once"
	ConsentHour   = "1h"
	ConsentLock   = "until-locked"
	ConsentHours  = "8h"
	ConsentAlways = "always"
	ConsentDeny   = "deny"
)

// ConsentAnswers returns the answers, in the order in which they are offered.
func ConsentAnswers() []string {
	return []string{ConsentLock, ConsentOnce, ConsentDeny, ConsentHour, ConsentHours, ConsentAlways}
}

// Question is one that a person is asked: may this caller use that account?
type Question struct {
	ID      string   `json:"id"`
	Account string   `json:"account"`
	Caller  Evidence `json:"caller"`
	// Scopes are what it would get; nil for all that the account has.
	Scopes []string `json:"scopes,omitzero"`
	// Answers are those that may be given.
	Answers []string `json:"answers"`
	// Always is the rule that the answer "always" writes, and File where. Managed is false if File is a person's, and the
	// rule is shown instead of written.
	Always  string `json:"always,omitempty"`
	File    string `json:"file,omitempty"`
	Managed bool   `json:"managed,omitempty"`
	// Waiting is how many requests wait for the answer, until Until.
	Waiting int       `json:"waiting"`
	AskedAt time.Time `json:"asked_at"`
	Until   time.Time `json:"until"`
}

// Consent is an answer that is remembered.
type Consent struct {
	Account string    `json:"account"`
	Origin  Process   `json:"origin"`
	Scopes  []string  `json:"scopes,omitzero"`
	GivenAt time.Time `json:"given_at"`
	// Until is when it ends; nil means when the store is locked, or the daemon stops.
	Until *time.Time `json:"until,omitempty"`
}

// Consents are the questions that wait, and the answers that are remembered.
type Consents struct {
	Questions []Question `json:"questions"`
	Given     []Consent  `json:"given"`
}

// ConsentAnswer answers a question.
type ConsentAnswer struct {
	Answer string `json:"answer"`
}

// ConsentTaken says what became of an answer.
type ConsentTaken struct {
	// Rule is the rule of "always", and File where it belongs; Written is false if the person has to add it.
	Rule    string `json:"rule,omitempty"`
	File    string `json:"file,omitempty"`
	Written bool   `json:"written,omitempty"`
}

// Forgotten is how many answers were forgotten.
type Forgotten struct {
	Forgotten int `json:"forgotten"`
}
