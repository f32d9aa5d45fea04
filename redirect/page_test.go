package redirect

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"oauthd/ipc/api/apitest"
)

func render(p Page) string { return string(p.view().render()) }

func TestPages(t *testing.T) {
	tests := []struct {
		name   string
		page   Page
		want   []string
		absent []string
	}{
		{
			name: "success",
			page: Page{
				Success: true, Account: "work", Provider: "google", Person: "ada@example.com",
				Scopes: []string{"openid", "email"}, Warnings: []string{"A scope was not granted."},
			},
			want: []string{
				"You are logged in", ">work<", ">google<", ">ada@<wbr>example.<wbr>com<",
				"<li>openid</li>", "<li>email</li>",
				"A scope was not granted.<wbr></li>", "You can close this tab and return to your terminal.", `<body class="success">`,
			},
			absent: []string{"oauthd login", "http-equiv"},
		},
		{
			name:   "names of which nothing can be shown",
			page:   Page{Success: true, Scopes: []string{"\u200b", "openid"}, Warnings: []string{"\x1b", "A warning."}},
			want:   []string{"<li>openid</li>", "<li>A warning.<wbr></li>"},
			absent: []string{"<li></li>"},
		},
		{
			name:   "success without details",
			page:   Page{Success: true},
			want:   []string{"You are logged in"},
			absent: []string{"<dl>", "Granted scopes", "Please note"},
		},
		{
			name: "failure",
			page: Page{
				Account: "work", Title: "Access was not granted", Message: "The provider said no.",
				Person: "ada", Scopes: []string{"openid"},
			},
			want: []string{
				"Access was not granted", "The provider said no.", "<code>oauthd login work</code>",
				`<body class="failure">`,
			},
			absent: []string{"You are logged in", "Logged in as", "openid"},
		},
		{
			name:   "failure with its own hint",
			page:   Page{Account: "work", Hint: "Unlock the keychain first."},
			want:   []string{"The login did not complete", "Unlock the keychain first."},
			absent: []string{"oauthd login"},
		},
		{
			name:   "zero page is a failure",
			want:   []string{"The login did not complete", "Return to your terminal and try again."},
			absent: []string{"logged in", "<code>"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			html := render(tt.page)
			for _, want := range tt.want {
				if !strings.Contains(html, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			for _, absent := range tt.absent {
				if strings.Contains(html, absent) {
					t.Errorf("the page has %q", absent)
				}
			}
		})
	}
}

func TestPagesEscape(t *testing.T) {
	evil := `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`
	for _, success := range []bool{true, false} {
		html := render(Page{
			Success: success, Account: evil, Provider: evil, Person: evil, Scopes: []string{evil}, Warnings: []string{evil},
			Title: evil, Message: evil, Hint: evil,
		})
		for _, absent := range []string{"<script", "<img"} {
			if strings.Contains(html, absent) {
				t.Errorf("success %t: the page has %s", success, absent)
			}
		}
	}
}

func TestPagesAreSelfContained(t *testing.T) {
	full := Page{
		Success: true, Account: "a", Provider: "b", Person: "c", Scopes: []string{"d"}, Warnings: []string{"e"}, Message: "f",
	}
	elements := regexp.MustCompile(`(?i)<(script|link|img|iframe|form|object|embed|base|a)\b`)
	loads := regexp.MustCompile(`(?i)\b(href|src|style|on[a-z]+)=|https?:|url\(|@import`)
	icon := `<link rel="icon" type="image/svg+xml" href="/icon.svg">`
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`)
	for name, page := range map[string][]byte{
		"success": full.view().render(), "failure": Page{Account: "a"}.view().render(), "waiting": waitingView().render(),
		"used": usedView().render(), "late": full.view().as(arrivesLate).render(),
	} {
		html := string(page)
		if count := strings.Count(html, icon); count != 1 {
			t.Errorf("%s: got the icon %d times, want once", name, count)
		}
		html = strings.Replace(html, icon, "", 1)
		for _, forbidden := range []*regexp.Regexp{elements, loads} {
			if found := forbidden.FindString(html); found != "" {
				t.Errorf("%s: the page has %q", name, found)
			}
		}
		if !strings.Contains(html, `name="viewport"`) {
			t.Errorf("%s: no viewport for phones", name)
		}
		// What the browser hashes is the text of the element as it came.
		m := style.FindStringSubmatch(html)
		if m == nil {
			t.Fatalf("%s: no style", name)
		}
		sum := sha256.Sum256([]byte(m[1]))
		want := "default-src 'none'; img-src 'self'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
			"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
		if got := contentPolicy(); got != want {
			t.Errorf("%s: policy: got %q, want %q", name, got, want)
		}
	}
}

// Whatever the daemon puts on a page, it shows in the place it has, and nothing of it is markup.
func FuzzPage(f *testing.F) {
	for _, seed := range apitest.Hostile() {
		f.Add(seed)
	}
	f.Add(`</dd><script>alert(1)</script>`)
	f.Fuzz(func(t *testing.T, text string) {
		p := apitest.Fill[Page](text)
		for _, p.Success = range []bool{true, false} {
			page := render(p)
			if bad := apitest.Unprintable(page); bad != "" {
				t.Errorf("%q, success %t: shows %s", text, p.Success, bad)
			}
			if strings.Contains(page, "<script") {
				t.Errorf("%q, success %t: got markup", text, p.Success)
			}
			if len(page) > 200_000 {
				t.Errorf("%q, success %t: got a page of %d bytes", text, p.Success, len(page))
			}
		}
	})
}
