package redirect

// arrival is how a browser comes to see the outcome of a login.
type arrival int

const (
	arrivesFirst  arrival = iota
	arrivesAgain          // by reload, or by going back
	arrivesLate           // with a response that was not used: from a second tab, after going back, or after the end
	arrivesByLink         // through the entrance, after the end
)

// as returns the view of a browser that comes in this way: what it brought had no effect, and the page says so.
func (v view) as(how arrival) view {
	switch {
	case how == arrivesFirst:
	case how == arrivesAgain:
		v.aside = "You have loaded this page again. Nothing was sent, and nothing has changed."
	case v.Success:
		v.Title = "You are already logged in"
		v.aside = "This login was completed in another tab, or before you went back. What you did here was not used."
		if how == arrivesByLink {
			v.aside = "This link works once, and its login is complete."
		}
	case how == arrivesByLink:
		v.aside = "This link works once, and its login has ended."
	default:
		v.aside = "What you did here came after the end of the login, so it was not used."
	}
	return v
}
