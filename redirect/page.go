package redirect

// Page is the outcome of a login as the person sees it in the browser. The zero Page says that the login failed, in
// general words. All texts are filtered and escaped; even so, no text of the authorization response belongs here.
type Page struct {
	// Success selects the page; a failure shows no Person, Scopes or Warnings.
	Success bool
	// Account is the name of the account; "" leaves out its line and the command to try again.
	Account string
	// Provider is the provider's name; "" leaves its line out.
	Provider string
	// Person is the one who logged in, an email address or subject; "" leaves the line out.
	Person string
	// Scopes are the granted ones; none leaves them out.
	Scopes []string
	// Warnings are sentences for the person about a login that succeeded all the same.
	Warnings []string
	// Title says what happened in a few words; "" means "You are logged in" or "The login did not complete".
	Title string
	// Message is one more sentence; "" leaves it out.
	Message string
	// Hint says what to do next; "" means to close the tab, or to log in again from the terminal.
	Hint string
	// Command is what to type, shown below Hint; "" for nothing.
	Command string
}

// kind selects a page's icon, and its colors in page.css.
type kind string

const (
	success kind = "success"
	failure kind = "failure"
	waiting kind = "waiting"
	notice  kind = "notice"
)

// view is everything that a page shows.
type view struct {
	Page
	kind kind
	// aside says that what a browser did here had no effect; "" if it had one.
	aside string
}

// view fills in the general words.
func (p Page) view() view {
	p = p.text()
	v := view{Page: p, kind: failure}
	title, hint := "The login did not complete", "Return to your terminal and try again."
	switch {
	case p.Success:
		v.kind = success
		title, hint = "You are logged in", "You can close this tab and return to your terminal."
	case p.Hint == "" && p.Account != "":
		v.Command = "oauthd login " + p.Account
		hint = "Return to your terminal and log in again:"
	}
	if !p.Success {
		v.Person, v.Scopes, v.Warnings = "", nil, nil
	}
	if v.Title == "" {
		v.Title = title
	}
	if v.Hint == "" {
		v.Hint = hint
	}
	return v
}

// waitingView is shown while the outcome is not known yet.
func waitingView() view {
	return view{kind: waiting, Page: Page{
		Title:   "Finishing the login",
		Message: "The provider has answered, and the login is being completed.",
		Hint:    "This page updates by itself.",
	}}
}

// usedView is shown to whoever comes through an entrance after somebody else, while the login waits.
func usedView() view {
	return view{kind: notice, Page: Page{
		Title:   "This link was opened before",
		Message: "It works once. Go on in the tab where it was opened first.",
		Hint:    "If that tab is gone, end the login in your terminal and start it again.",
	}}
}
