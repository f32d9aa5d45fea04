package words

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"oauthd/daemon/account"
	"oauthd/daemon/policy"
	"oauthd/ipc/api"
)

// Refused words what a policy refuses to a caller.
func Refused(a account.Account, caller api.Evidence, d policy.Decision) *api.Error {
	who := CallerName(caller)
	e := &api.Error{Code: api.PolicyDenied, Hint: "oauthd policy check " + a.Name + " shows why; the rules are in " + a.File}
	where := ""
	if d.Rule != nil {
		where = fmt.Sprintf(" (%s:%d)", d.Rule.File, d.Rule.Line)
	}
	switch d.Why {
	case policy.Denied:
		e.Message = who + " may not use " + a.Name + where
	case policy.Scopes:
		e.Message = fmt.Sprintf("%s may use %s, but not with the scope %s%s", who, a.Name, api.Excerpt(strings.Join(d.Beyond, " ")), where)
		e.Hint = "ask for " + allowedOf(d.Limits.Scopes) + ", or for no scope at all"
	case policy.Audience:
		e.Message = fmt.Sprintf("%s may use %s, but not for that audience%s", who, a.Name, where)
		e.Hint = "ask for " + allowedOf(d.Limits.Audiences)
	default:
		e.Message = "no rule lets " + who + " use " + a.Name
		if caller.Executable != "" {
			e.Hint = fmt.Sprintf("to allow it, add to %s: [[allow]] and, on the next line, exe = %q", a.File, api.Excerpt(caller.Executable))
		}
	}
	return e
}

func allowedOf(list []string) string {
	if len(list) == 0 {
		return "nothing (the rule has an empty list)"
	}
	return api.Excerpt(strings.Join(list, " "))
}

// CallerName is what to call a caller in a sentence.
func CallerName(e api.Evidence) string {
	name := cmp.Or(e.App, e.Executable)
	if name == "" {
		return fmt.Sprintf("this program (pid %d)", e.PID)
	}
	return api.Excerpt(name)
}

// Broader words a token that the provider made good for more than a caller may have.
func Broader(a account.Account, providerName string, beyond []string) *api.Error {
	return &api.Error{Code: api.PolicyDenied,
		Message: fmt.Sprintf("the tokens of %s have the scope %s too, which this caller may not have, and %s gives none without it", a.Name,
			api.Excerpt(strings.Join(beyond, " ")), providerName),
		Hint: "log in to another account with fewer scopes for such callers: oauthd login NAME --scope …"}
}

// ScopesUnknown words a token of which nobody says what it is good for, for a caller that may have no scope.
func ScopesUnknown(a account.Account, providerName string) *api.Error {
	return &api.Error{Code: api.PolicyDenied,
		Message: fmt.Sprintf("this caller may have no scope, and %s does not say which scopes the tokens of %s have", providerName, a.Name),
		Hint:    "give the account its scopes, in " + a.File}
}

// TooLong words a token that lives for longer than a caller may have it.
func TooLong(a account.Account, most time.Duration) *api.Error {
	return &api.Error{Code: api.PolicyDenied,
		Message: fmt.Sprintf("the token of %s lives for longer than the %v that this caller may have it", a.Name, most),
		Hint:    "raise max_ttl, or ask again when the token has less time left"}
}

// TooOften words a caller that has had as many tokens as it may in a while.
func TooOften(a account.Account, rate account.Rate, wait time.Duration) *api.Error {
	return &api.Error{Code: api.Busy, Message: fmt.Sprintf("this caller may have a token of %s %d times in %v, and has had them", a.Name, rate.Times, rate.Per),
		Hint: "wait, or raise rate in the rule", RetryAfter: seconds(wait)}
}

// NoIdentity words an ID token for a caller whose ceiling is without openid.
func NoIdentity(a account.Account) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: "this caller may use " + a.Name + ", but not its ID token: its scopes are without openid",
		Hint: "add openid to the scopes of the rule in " + a.File}
}

// MayUse is the question whether a caller may use an account.
func MayUse(q api.Question) Question {
	body := CallerName(q.Caller)
	var above []string
	for _, p := range q.Caller.Parents {
		above = append(above, CallerName(api.Evidence{Process: p}))
	}
	if len(above) > 0 {
		body += ", started by " + strings.Join(above, ", ")
	}
	body += fmt.Sprintf(" (pid %d), wants tokens of %s", q.Caller.PID, q.Account)
	body += " for " + api.Excerpt(api.ScopesText(q.Scopes, "all that the account may do")) + "."
	switch {
	case q.Always == "":
	case q.Managed:
		body += "\n“Always” writes into " + q.File + ": " + oneLine(q.Always)
	default:
		body += "\n“Always” shows the rule for " + q.File + ": " + oneLine(q.Always)
	}
	return Question{Summary: "May " + shortName(q.Caller) + " use " + q.Account + "?", Body: body, Urgent: true}
}

func oneLine(rule string) string { return strings.Join(strings.Fields(rule), " ") }

// shortName is the last part of a caller's name.
func shortName(e api.Evidence) string {
	name := CallerName(e)
	return name[strings.LastIndexAny(name, `/\`)+1:]
}

// approve is the command that answers a question.
func approve(q api.Question) string { return "oauthd approve " + q.ID }

// ConsentAwaited words a caller that stopped waiting for a person.
func ConsentAwaited(q api.Question) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: "nobody has answered yet whether " + CallerName(q.Caller) + " may use " + q.Account,
		Hint: approve(q) + " in another terminal answers it"}
}

// ConsentUnanswered words a question that nobody answered.
func ConsentUnanswered(q api.Question) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: "nobody answered whether " + CallerName(q.Caller) + " may use " + q.Account,
		Hint: "try again, and answer the question on the desktop, or with oauthd approve in another terminal"}
}

// ConsentRefused words a person's refusal.
func ConsentRefused(q api.Question) *api.Error {
	return &api.Error{Code: api.PolicyDenied, Message: "a person refused to let " + CallerName(q.Caller) + " use " + q.Account,
		Hint: "oauthd policy check " + q.Account + " shows the rules"}
}

// NobodyToAsk words a question for which there is nobody.
func NobodyToAsk(q api.Question) *api.Error {
	e := &api.Error{Code: api.PolicyDenied,
		Message: "a person has to let " + CallerName(q.Caller) + " use " + q.Account + ", and there is neither a desktop nor a terminal to ask on",
		Hint:    `set confirm = "never" in ` + q.File}
	if q.Always != "" {
		e.Hint = "to allow it, add to " + q.File + " the line [[allow]] and below it " + strings.TrimPrefix(oneLine(q.Always), "[[allow]] ")
	}
	return e
}

// TooManyQuestions words a question that is not asked because so many wait.
func TooManyQuestions() *api.Error {
	return &api.Error{Code: api.Busy, Message: "too many questions wait for a person already", Hint: "oauthd policy list shows them; answer some", RetryAfter: 1}
}

// NoQuestion words an answer to a question that does not wait.
func NoQuestion(id string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: "no question " + api.Excerpt(id) + " is waiting for an answer", Hint: "oauthd approve lists those that are"}
}

// NoAnswer words an answer that a question does not have.
func NoAnswer(answer string, answers []string) *api.Error {
	return &api.Error{Code: api.BadRequest, Message: api.Excerpt(answer) + " is no answer to this question", Hint: "answer " + strings.Join(answers, ", ")}
}

// OwnAnswer words an answer that comes from where the question does.
func OwnAnswer(q api.Question, why string) *api.Error {
	return &api.Error{Code: api.Forbidden, Message: "this answer was not taken: " + why, Hint: approve(q) + " in another terminal"}
}

// PolicySays words a decision for somebody who asks what it would be.
func PolicySays(a account.Account, d policy.Decision) string {
	at := ""
	if d.Rule != nil {
		at = fmt.Sprintf("%s:%d", d.Rule.File, d.Rule.Line)
	}
	switch {
	case d.Why == policy.Denied:
		return "the [[deny]] in " + at + " matches"
	case d.Why == policy.Scopes:
		return "the [[allow]] in " + at + " matches, and has not the scope " + strings.Join(d.Beyond, " ")
	case d.Why == policy.Audience:
		return "the [[allow]] in " + at + " matches, and is not for that audience"
	case d.Why == policy.NoRule:
		return "no rule in " + a.File + " matches, and there is an [[allow]] for others"
	case d.Rule != nil && d.Ask:
		return fmt.Sprintf("the [[allow]] in %s matches, and confirm = %q asks a person each time", at, a.Policy.Confirm)
	case d.Rule != nil:
		return "the [[allow]] in " + at + " matches"
	case d.Ask:
		return fmt.Sprintf("no rule in %s matches, and confirm = %q asks a person", a.File, a.Policy.Confirm)
	case len(a.Policy.Rules) > 0:
		return "no [[deny]] in " + a.File + " matches"
	}
	return a.File + " has no rules, so every program of yours may"
}

// AnswerText is what a button says that gives an answer.
func AnswerText(answer string) string {
	switch answer {
	case api.ConsentOnce:
		return "Once"
	case api.ConsentHour:
		return "For an hour"
	case api.ConsentLock:
		return "Until locked"
	case api.ConsentHours:
		return "For 8 hours"
	case api.ConsentAlways:
		return "Always"
	}
	return "No"
}

// NotAudited words a token that is held back because the audit log cannot be written.
func NotAudited(err error) *api.Error {
	return (&api.Error{Code: api.Internal, Message: "the token was held back, because the audit log cannot be written: " + api.Excerpt(err.Error()),
		Hint: "make room on the disk, or set required = false under [audit] in config.toml and run oauthd reload"}).Because(err)
}

// NotNoted words a proxy's requests that are not in the audit log.
func NotNoted(err error) *api.Error {
	return (&api.Error{Code: api.Busy, Message: "the audit log cannot be written: " + api.Excerpt(err.Error()), Hint: "make room on the disk",
		RetryAfter: 10}).Because(err)
}

// NoProxy words a report of requests that is not of a proxy's.
func NoProxy() *api.Error {
	return &api.Error{Code: api.Forbidden, Message: "only the program oauthd, on this machine and in no container, may say what a proxy has done",
		Hint: "oauthd proxy does it by itself"}
}

// NoAudit words a look at a log that is not written.
func NoAudit() *api.Error {
	return &api.Error{Code: api.Unsupported, Message: "there is no audit log: config.toml has enabled = false under [audit]",
		Hint: "remove that line and run oauthd reload"}
}

// NoFingerprint words a search by token without the key of fingerprints.
func NoFingerprint() *api.Error {
	return &api.Error{Code: api.KeystoreUnavailable, Message: "the store does not give the key of the log's fingerprints", Hint: "oauthd status shows what the store needs"}
}
