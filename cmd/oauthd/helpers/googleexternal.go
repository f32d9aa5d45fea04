package helpers

import (
	"bytes"
	"context"
	"os"
	"path/filepath"

	dialect "oauthd/ipc/dialect/googleexternal"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func googleExternal() Helper {
	return Helper{
		Name:  "google-external",
		Use:   "NAME",
		Short: "answer Google's libraries with an identity to federate",
		Long: `Answers as the executable of an external account (workload and workforce identity
federation): with the account's ID token, which Google's libraries exchange for a token
of Google's. A failure is an answer too, with exit status 0, and becomes the library's
error. "oauthd help google" has the credential configuration.`,
		Args: cobra.ExactArgs(1),
		Serve: func(*pflag.FlagSet) func(context.Context, Call) error {
			return func(ctx context.Context, c Call) error {
				const prefix = "GOOGLE_EXTERNAL_ACCOUNT_"
				r := dialect.Request{
					Account: c.Args[0], TokenType: os.Getenv(prefix + "TOKEN_TYPE"),
					Interactive: os.Getenv(prefix+"INTERACTIVE") == "1", Revoke: os.Getenv(prefix+"REVOKE") == "1",
				}
				file := os.Getenv(prefix + "OUTPUT_FILE")
				if !r.Interactive || file == "" {
					return dialect.Serve(ctx, r, c.Out, c.Client)
				}
				// Standard output is the person's terminal then, and the library reads the file.
				var answer bytes.Buffer
				if err := dialect.Serve(ctx, r, &answer, c.Client); err != nil {
					return err
				}
				return replace(file, answer.Bytes())
			}
		},
		Steps: func(Place) ([]Step, error) {
			return []Step{Note("a credential configuration has Google's libraries ask; this shows one:\n  oauthd help google")}, nil
		},
	}
}

// replace writes a file of the person's own.
func replace(path string, data []byte) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	dir, err := own.Make(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Replace(filepath.Base(path), data)
}
