package match

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rule is one pattern of one account.
type Rule struct {
	Account string
	Pattern Pattern
}

// ErrNone means that no account answers for the place. The program that asks goes on without a token.
var ErrNone = errors.New("match: no account answers for it")

// Ambiguous means that several accounts answer equally well, and no user name decides.
type Ambiguous struct {
	// Accounts are their names, sorted.
	Accounts []string
}

// Error implements [error].
func (a *Ambiguous) Error() string {
	return fmt.Sprintf("match: %s answer for it equally well", strings.Join(a.Accounts, " and "))
}

// Find returns the rule that answers for place: of those that match, one with the closest pattern. If several accounts
// have such a one, user, or else the user name in the URL, decides if it is one of the names of one of them; "" decides
// nothing. The error is [ErrNone] or an [*Ambiguous].
func Find(rules []Rule, place Place, user string, names func(account string) []string) (Rule, error) {
	if user == "" {
		user = place.User
	}
	var best []Rule
	for _, r := range rules {
		if !r.Pattern.Matches(place) {
			continue
		}
		if len(best) > 0 {
			switch c := r.Pattern.closer(best[0].Pattern); {
			case c < 0:
				continue
			case c > 0:
				best = best[:0]
			}
		}
		if !slices.ContainsFunc(best, func(other Rule) bool { return other.Account == r.Account }) {
			best = append(best, r)
		}
	}
	if len(best) > 1 && user != "" {
		if meant := slices.DeleteFunc(slices.Clone(best), func(r Rule) bool { return !means(names(r.Account), user) }); len(meant) > 0 {
			best = meant
		}
	}
	switch len(best) {
	case 0:
		return Rule{}, ErrNone
	case 1:
		return best[0], nil
	}
	accounts := make([]string, len(best))
	for i, r := range best {
		accounts[i] = r.Account
	}
	slices.Sort(accounts)
	return Rule{}, &Ambiguous{accounts}
}

func means(names []string, user string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, user) })
}
