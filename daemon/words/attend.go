package words

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"oauthd/ipc/api"
)

// Question is what a person reads on the desktop. All of it is plain text.
type Question struct {
	Summary, Body string
	// Action is what the button says; "" for a text that needs no answer.
	Action string
	// Choices are further buttons.
	Choices []Choice
	// Urgent is true if something does not work until there is an answer.
	Urgent bool
}

// Choice is a button of a question.
type Choice struct{ ID, Text string }

// SignIn asks a person to log in to the accounts.
func SignIn(accounts []api.Account) Question {
	q := Question{Action: "Sign in", Urgent: true}
	if len(accounts) == 1 {
		q.Summary, q.Body = accounts[0].Name+" needs a login", LoginEnded(accounts[0])
		return q
	}
	const most = 12 // names, which are at most 63 characters long
	var names []string
	for _, a := range accounts[:min(len(accounts), most)] {
		names = append(names, a.Name)
	}
	q.Summary = fmt.Sprintf("%d accounts need a login", len(accounts))
	q.Body = strings.Join(names, ", ")
	if more := len(accounts) - len(names); more > 0 {
		q.Body += fmt.Sprintf(" and %d more", more)
	}
	q.Body += ". Their sign-in pages open one after the other."
	return q
}

// SignInAgain asks a person to log in to an account of theirs once more, because a program needs scopes that it lacks; if
// those are "", because a server wants to be surer of who they are (RFC 9470).
func SignInAgain(name, scopes string) Question {
	q := Question{Summary: "Sign in to " + name + " again?", Action: "Sign in", Urgent: true}
	if q.Body = "A program uses a server that wants a new or a stronger login."; scopes != "" {
		q.Body = "A program needs more access, which the sign-in page asks you for: " + api.Excerpt(scopes)
	}
	return q
}

// MoreScopesRefused is the answer to a caller that needs scopes that the account lacks.
func MoreScopesRefused(name, scopes, why string) *api.Error {
	e := ScopeNotGranted(name, strings.Fields(scopes))
	if why != "" {
		e.Message += ": " + why
	}
	return e
}

// MoreScopesAwaited is the answer to a caller that has waited for scopes as long as it may.
func MoreScopesAwaited(name, scopes string) *api.Error {
	return MoreScopesRefused(name, scopes, "a person was asked to log in, and has not done so yet")
}

// StrongerLogin is the answer to a caller whose server wants another login than there was, if nobody can be asked.
func StrongerLogin(name string) *api.Error {
	return LoginRequired(name, "the server wants a new or a stronger one, and nobody can be asked now")
}

// LoginEnded says why a needs a login.
func LoginEnded(a api.Account) string {
	if a.LastError != nil {
		return a.LastError.Message
	}
	return a.Name + " needs a login"
}

// LoginEnds says that the login of a ends soon.
func LoginEnds(a api.Account, end time.Time) Question {
	return Question{
		Summary: fmt.Sprintf("The login of %s ends on %s", a.Name, end.Local().Format("Monday, 2 January, 15:04")),
		Body:    fmt.Sprintf("%s. To log in before that: oauthd login %s", cmp.Or(a.LoginEndsReason, "The provider ends it then"), a.Name),
	}
}

// SignInFailed says why a login that the person agreed to on the desktop has failed.
func SignInFailed(name string, err *api.Error) Question {
	body := err.Message
	if err.Hint != "" {
		body += ". Next: " + err.Hint
	}
	return Question{Summary: "The login to " + name + " failed", Body: body}
}

// DeviceCode shows the code of a device grant beside the page that asks for it (RFC 8628 §3.3).
func DeviceCode(name string, e api.LoginEvent) Question {
	return Question{Summary: "Code for " + name + ": " + api.Excerpt(e.UserCode), Body: "Enter it at " + api.Excerpt(e.VerificationURI), Urgent: true}
}

// LoginDismissed is the answer to a caller whose account needs a login that a person did not want now.
func LoginDismissed(name string) *api.Error {
	return LoginRequired(name, "the question on the desktop was dismissed")
}

// LoginAwaited is the answer to a caller that has waited for a login as long as it may.
func LoginAwaited(name string) *api.Error {
	return LoginRequired(name, "a person was asked to log in, and has not done so yet")
}

// NoBrowser ends a login whose page could not be opened in the person's session.
func NoBrowser(name string) *api.Error {
	return &api.Error{Code: api.LoginFailed, Message: "the daemon could not open a browser in your session", Hint: "oauthd login " + name + " in a terminal"}
}
