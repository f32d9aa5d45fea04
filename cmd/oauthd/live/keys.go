package live

// Verb is what a person can do.
type Verb int

// The verbs.
const (
	Nothing Verb = iota
	Quit
	Login
	Logout
	Refresh
	Lock
	Unlock
)

// Action is a verb and the account that it is about, if it is about one.
type Action struct {
	Verb    Verb
	Account string
}

// Press takes in a key, "up" and "down" included, and returns what to do.
func (m *Model) Press(key string) Action {
	m.notice = ""
	if q := m.question; q != nil {
		m.question = nil
		if key == "y" || key == "Y" {
			return q.action
		}
		return Action{}
	}
	a, any := m.current()
	switch key {
	case "q", "esc", "ctrl-c":
		return Action{Verb: Quit}
	case "up":
		m.move(-1)
	case "down":
		m.move(1)
	case "k":
		return Action{Verb: Lock}
	case "u":
		return Action{Verb: Unlock}
	case "l":
		if any {
			return Action{Login, a.Name}
		}
	case "r":
		if any {
			return Action{Refresh, a.Name}
		}
	case "o":
		if any {
			m.question = &question{"Log out of " + a.Name + "? Its login ends at the provider too.", Action{Logout, a.Name}}
		}
	}
	return Action{}
}

// Notice shows the outcome of what the person did.
func (m *Model) Notice(text string) { m.notice = text }
