package desktop

import (
	"context"
	"errors"
	"slices"

	"oauthd/daemon/consent"
	"oauthd/daemon/words"
	"oauthd/ipc/api"
)

// Consent asks by a notification whether a caller may use an account.
type Consent struct{ Desktop *Desktop }

var _ consent.Way = Consent{}

// Ask implements [consent.Way]. A desktop that cannot ask is one without a person.
func (c Consent) Ask(ctx context.Context, q api.Question, text words.Question) (string, error) {
	text.Action, text.Choices = "", nil
	for _, answer := range q.Answers {
		text.Choices = append(text.Choices, words.Choice{ID: answer, Text: words.AnswerText(answer)})
	}
	answer, err := c.Desktop.choose(ctx, text)
	if err != nil && ctx.Err() == nil {
		return "", errors.Join(consent.ErrNoPerson, err)
	}
	if err != nil || !slices.Contains(q.Answers, answer) {
		return "", err
	}
	return answer, nil
}
