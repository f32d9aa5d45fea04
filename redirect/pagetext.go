package redirect

import "oauthd/ipc/api"

// text returns p with its texts filtered: names that a stranger chose are cut, and nothing in p hides or reorders what
// stands beside it.
func (p Page) text() Page {
	for _, field := range []*string{&p.Account, &p.Provider, &p.Person, &p.Command} {
		*field = api.Excerpt(*field)
	}
	for _, field := range []*string{&p.Title, &p.Message, &p.Hint} {
		*field = api.Lines(*field)
	}
	p.Scopes, p.Warnings = each(p.Scopes, api.Excerpt), each(p.Warnings, api.Lines)
	return p
}

// each returns texts through filter, without those of which nothing is left.
func each(texts []string, filter func(string) string) []string {
	var kept []string
	for _, text := range texts {
		if text = filter(text); text != "" {
			kept = append(kept, text)
		}
	}
	return kept
}
