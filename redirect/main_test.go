package redirect

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// childURL makes the test binary a program that gets this URL and prints the status: the browser of another user.
const childURL = "REDIRECT_TEST_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		os.Exit(status(url))
	}
	goleak.VerifyTestMain(m)
}

func status(url string) int {
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 2
	}
	resp, err := http.DefaultTransport.RoundTrip(r) // follows nothing
	if err != nil {
		return 1
	}
	_ = resp.Body.Close()
	fmt.Println(resp.StatusCode)
	return 0
}
