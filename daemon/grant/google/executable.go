package google

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/oauth2/google/externalaccount"

	"oauthd/daemon/grant"
	"oauthd/daemon/provider"
	"oauthd/ipc/api"
)

const (
	executableTimeout = 30 * time.Second
	// executableGrace is how long a program's children may keep its output open after it has ended.
	executableGrace = 2 * time.Second
)

// sourceError is a failure to get another issuer's token; its text may be shown.
type sourceError struct{ reason string }

// Error returns the reason.
func (e *sourceError) Error() string { return "credential_source: " + e.reason }

// executableSource runs the program that an external_account file names. The library itself would need an environment
// variable of the whole process, and would quote what the program prints.
type executableSource struct {
	command, outputFile string
	// timeoutMillis is nil for the default time-out.
	timeoutMillis *int
	// impersonated is the impersonation URL; "" for none.
	impersonated string
	now          func() time.Time
}

var _ externalaccount.SubjectTokenSupplier = (*executableSource)(nil)

// SubjectToken implements [externalaccount.SubjectTokenSupplier]. A token that the program has written to its output
// file is used while it is valid.
func (s *executableSource) SubjectToken(ctx context.Context, options externalaccount.SupplierOptions) (string, error) {
	if s.outputFile != "" {
		if kept, err := grant.ReadKeyFile(s.outputFile); err == nil {
			if token, err := s.parse(kept); err == nil {
				return token, nil
			}
		}
	}
	words := strings.Fields(s.command)
	if len(words) == 0 || !filepath.IsAbs(words[0]) {
		return "", &sourceError{"executable.command does not start with an absolute path"}
	}
	timeout := executableTimeout
	if s.timeoutMillis != nil {
		timeout = time.Duration(*s.timeoutMillis) * time.Millisecond
	}
	if timeout < 5*time.Second || timeout > 2*time.Minute {
		return "", &sourceError{"executable.timeout_millis is not between 5000 and 120000"}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out := &cappedBuffer{}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.WaitDelay = executableGrace
	cmd.Stdout = out
	cmd.Env = append(cmd.Environ(),
		"GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE="+options.Audience,
		"GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE="+options.SubjectTokenType,
		"GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE=0",
		"GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL="+impersonation{url: s.impersonated}.email(),
		"GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE="+s.outputFile,
	)
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", &sourceError{"the program did not end in time"}
	case out.full:
		return "", &sourceError{"the program prints too much"}
	case errors.As(err, &exit):
		return "", &sourceError{fmt.Sprintf("the program failed with exit status %d", exit.ExitCode())}
	case errors.Is(err, exec.ErrWaitDelay):
	case err != nil:
		return "", &sourceError{"the program cannot be run: " + api.Excerpt(err.Error())}
	}
	return s.parse(bytes.TrimSpace(out.kept.Bytes()))
}

// parse reads what the program printed, or wrote to its output file.
func (s *executableSource) parse(said []byte) (string, error) {
	members := grant.ParseMembers(said)
	var version float64
	var success bool
	switch {
	case members == nil:
		return "", &sourceError{"the program did not print a JSON object"}
	case json.Unmarshal(members["version"], &version) != nil || version != 1:
		return "", &sourceError{"the program's version is not 1"}
	case json.Unmarshal(members["success"], &success) != nil:
		return "", &sourceError{"the program does not say whether it succeeded"}
	case !success:
		return "", &sourceError{strings.TrimSuffix("the program says "+
			api.Excerpt(members.Text("code"))+": "+api.Excerpt(members.Text("message")), ": ")}
	}
	expiry := members.Instant("expiration_time")
	if s.outputFile != "" && expiry.IsZero() {
		return "", &sourceError{"the program gives no expiration_time, which its output_file needs"}
	}
	if !expiry.IsZero() && !s.now().Before(expiry) {
		return "", &sourceError{"the program's token has expired"}
	}
	token := ""
	switch members.Text("token_type") {
	case "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token":
		token = members.Text("id_token")
	case "urn:ietf:params:oauth:token-type:saml2":
		token = members.Text("saml_response")
	default:
		return "", &sourceError{"the program's token_type is not supported"}
	}
	if token == "" {
		return "", &sourceError{"the program gives no token"}
	}
	return token, nil
}

// sourceURLFits reports whether at may be a source: any URL that a provider's endpoint may have, or a metadata server,
// which speaks http.
func sourceURLFits(at string) bool {
	if provider.CheckURL(at) == nil {
		return true
	}
	u, err := url.Parse(at)
	return err == nil && u.Scheme == "http" && u.User == nil && isMetadataAddress(u.Hostname())
}

// cappedBuffer fails if too much is written to it. It does not embed the buffer, because ReadFrom would then bypass the
// limit.
type cappedBuffer struct {
	kept bytes.Buffer
	full bool
}

// Write implements [io.Writer].
func (b *cappedBuffer) Write(p []byte) (int, error) {
	if b.full = b.full || b.kept.Len()+len(p) > grant.MaxKeyFile; b.full {
		return 0, errors.New("too much output")
	}
	return b.kept.Write(p)
}
