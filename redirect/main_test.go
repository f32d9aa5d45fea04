package redirect

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// Each of these variables makes the test binary another program.
const (
	childURL    = "REDIRECT_TEST_URL"    // gets this URL and prints the status: the browser of another user
	childPort   = "REDIRECT_TEST_PORT"   // listens at this port and prints the error
	childTLS    = "REDIRECT_TEST_TLS"    // speaks TLS to this address and prints the error
	childFamily = "REDIRECT_TEST_FAMILY" // runs ip with these arguments, and then a login in a network of its own
)

func TestMain(m *testing.M) {
	for name, program := range map[string]func(string) int{
		childURL: status, childPort: listenAt, childTLS: speakTLS, childFamily: loginInOwnNetwork,
	} {
		if value := os.Getenv(name); value != "" {
			os.Exit(program(value))
		}
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

func speakTLS(address string) int {
	c, err := tls.Dial("tcp", address, nil)
	if err != nil {
		fmt.Println(err)
		return 0
	}
	_ = c.Close()
	return 1
}

func listenAt(text string) int {
	port, err := strconv.Atoi(text)
	if err != nil {
		return 2
	}
	s, err := new(Servers).Listen(context.Background(), Config{State: testState, Ports: []int{port}})
	if err != nil {
		fmt.Println(err)
		return 0
	}
	_ = s.Close()
	return 1
}

// loginInOwnNetwork prints, for either address of localhost, the status that a response got there.
func loginInOwnNetwork(commands string) int {
	for command := range strings.SplitSeq(commands, ";") {
		if out, err := exec.Command("ip", strings.Fields(command)...).CombinedOutput(); err != nil {
			fmt.Printf("ip %s: %v: %s\n", command, err, out)
			return 2
		}
	}
	s, err := new(Servers).Listen(context.Background(), Config{Host: "localhost", State: testState, PeerUID: os.Getuid()})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Close()
	_, port, _ := strings.Cut(s.authority, ":")
	for _, ip := range []string{"127.0.0.1", "[::1]"} {
		url := "http://" + ip + ":" + port + "/callback" + query("state", testState, "code", testCode)
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return 2
		}
		r.Host = s.authority
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			fmt.Printf("%s unreachable\n", ip)
			continue
		}
		_ = resp.Body.Close()
		fmt.Printf("%s %d\n", ip, resp.StatusCode)
	}
	return 0
}
