package helpers

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/bazel"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func bazel() Helper {
	const name = "bazel-credential-oauthd"
	return Helper{
		Name: "bazel", Program: name,
		Use:   "get",
		Short: "answer Bazel's request for credentials, on standard input",
		Long: `Speaks the credential helper protocol of Bazel (7 or newer) and other build systems: an
Authorization header with an access token of the account whose hosts allow the URI
("oauthd match URL" shows which). For any other URI it answers without headers, and the
build goes on.`,
		Example: `  oauthd helper install bazel --host cache.example.com --write`,
		Args:    cobra.MinimumNArgs(1),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				return dialect.Serve(ctx, c.Args[0], c.In, c.Out, c.Client)
			}
		},
		Steps: func(at Place) ([]Step, error) {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			link := at.Link(name)
			if strings.ContainsAny(link.Path, " \t\n\"'\\#") {
				return nil, &api.Error{Code: api.BadRequest, Message: "a line of .bazelrc takes no space or quote in a path: " + api.Excerpt(link.Path),
					Hint: "install with --dir into another directory"}
			}
			return []Step{link, &bazelrc{file: filepath.Join(home, ".bazelrc"), link: link.Path, hosts: at.Hosts}}, nil
		},
	}
}

// bazelrc is a line of Bazel's configuration for each host.
type bazelrc struct {
	file, link string
	hosts      []string
}

func (b *bazelrc) line(host string) string {
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	host, _, _ = strings.Cut(host, "/")
	host, _, _ = strings.Cut(host, ":") // Bazel compares names alone
	return "common --credential_helper=" + host + "=" + b.link + "\n"
}

// Text implements [Step].
func (b *bazelrc) Text() string {
	if len(b.hosts) == 0 {
		return Note("Bazel asks for the hosts that are named:\n  oauthd helper install bazel --host cache.example.com").Text()
	}
	text := "# in " + b.file + ":"
	for _, host := range b.hosts {
		text += "\n" + strings.TrimSuffix(b.line(host), "\n")
	}
	return text
}

// Make implements [Step].
func (b *bazelrc) Make(ctx context.Context) error {
	for _, host := range b.hosts {
		if err := (&Block{File: b.file, Body: b.line(host)}).Make(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Unmake implements [Step]. All hosts go, whichever are named: Bazel stops at a helper that is no longer there.
func (b *bazelrc) Unmake(context.Context) error {
	return edit(b.file, func(old []byte) (left []byte, _ error) {
		for line := range bytes.Lines(old) {
			if !bytes.HasPrefix(line, []byte("common --credential_helper=")) || !bytes.HasSuffix(line, []byte("="+b.link+"\n")) {
				left = append(left, line...)
			}
		}
		return left, nil
	})
}
