package words

import (
	"strings"
	"testing"

	"oauthd/redirect"
)

func TestNotices(t *testing.T) {
	for n, want := range map[redirect.Notice]string{
		redirect.NoticeTLS:       "oauthd login work --paste ADDRESS",
		redirect.NoticeWebPage:   "tab of its own",
		redirect.NoticeOtherUser: "give up",
		redirect.NoticeOtherHost: "oauthd login work --paste ADDRESS",
	} {
		message, hint := Login{Account: "work"}.Notice(n)
		if message != string(n) || !strings.Contains(hint, want) {
			t.Errorf("got %q and the hint %q, want %q in it", message, hint, want)
		}
	}
}

func TestResponseThatCannotBeUsed(t *testing.T) {
	err := Login{Account: "work", Provider: "corp"}.Response(redirect.ErrRepeated)
	if want := "the answer of corp cannot be used: a parameter is in it twice"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
