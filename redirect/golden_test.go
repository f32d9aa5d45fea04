package redirect

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden files have STYLE for the style sheet.
func TestPagesToTheLetter(t *testing.T) {
	success := Page{Success: true, Account: "work", Person: "ada@example.com"}
	expired := Page{Account: "work", Title: "The login has expired", Message: "Nobody finished it in time."}
	for name, v := range map[string]view{
		"success": Page{
			Success: true, Account: "work", Provider: "google", Person: "ada@example.com",
			Scopes: []string{"openid", "https://www.googleapis.com/auth/drive"}, Warnings: []string{"One.", "Two/three."},
			Message: "A <b>message</b> & more.",
		}.view(),
		"failure":  Page{Account: "work", Provider: "corp", Title: "The login was denied", Message: "Nothing was stored."}.view(),
		"anybody":  Page{Success: true, Person: "ada"}.view(),
		"provider": Page{Provider: "corp"}.view(),
		"account":  Page{Success: true, Account: "work"}.view(),
		"zero":     Page{}.view(),
		"waiting":  waitingView(),
		"used":     usedView(),
		"again":    success.view().as(arrivesAgain),
		"late":     success.view().as(arrivesLate),
		"link":     success.view().as(arrivesByLink),
		"too-late": expired.view().as(arrivesLate),
		"old-link": expired.view().as(arrivesByLink),
		"person": Page{
			Account: "work", Title: "This is a different person", Hint: "Hand the account over:", Command: "oauthd login work --force",
		}.view(),
		"scopes": Page{Success: true, Scopes: strings.Fields(
			"openid email profile https://www.example.com/auth/drive https://www.example.com a:b/ c/d e f https://www.example.com/auth/g")}.view(),
	} {
		got := strings.Replace(string(v.render()), pageCSS, "STYLE", 1)
		file := filepath.Join("..", "testdata", "golden", "pages", name+".html")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}
