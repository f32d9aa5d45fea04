package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

// childVariable is one of CMD's environment variables, and the account whose token it gets.
type childVariable struct {
	name, account string
	file          bool     // it gets the path of a file instead
	place         *url.URL // it gets the address of this place's proxy instead; nil if it is for a token
}

func newExec(std stdio) *cobra.Command {
	var f tokenFlags
	var values, files, proxied []string
	var log bool
	var emulations []*emulation
	cmd := &cobra.Command{
		Use:   "exec [-e VAR=NAME]... [-f VAR=NAME]... [--google NAME] -- CMD [ARG]...",
		Short: "run a program with a token in its environment",
		Long: `Puts a token into the environment of CMD, or the path of a file that holds one,
and becomes CMD: signals, the terminal and the exit status are CMD's own. If a
token cannot be had, nothing is started.

-e puts in the token itself, for a program that runs shorter than a token lives.
-f puts in the path of a file that only you can read. The daemon replaces it
before the token ends, for as long as CMD runs, and removes it then. It has no
final newline.

--proxy NAME=URL serves CMD the server at URL, and sends what CMD asks there on
with that account's tokens, which CMD never sees: see oauthd proxy --help. -e
VAR=URL puts in the address that CMD uses instead of URL, or of one below it.

--google serves CMD as Google's machines serve what runs on them: Google's
libraries and gcloud get tokens of that account, and fresh ones in time.
--azure does so as Azure's App Service, and puts an az first in PATH that answers
"az account get-access-token". --aws gives AWS' libraries the account's ID token
in a file, for which AWS gives them the role; --aws-container serves the role's
own credentials, for a CMD that is many short programs.`,
		Example: `  oauthd exec -e GITHUB_TOKEN=work -- gh repo list
  oauthd exec -f KAFKA_TOKEN_FILE=corp -- ./consumer
  oauthd exec -e AUTH=work --format bearer -- ./client --port 8080
  oauthd exec --proxy work=https://api.example.com \
      -e API_BASE_URL=https://api.example.com/v1 -- agent
  oauthd exec --google work -- python3 report.py
  oauthd exec --azure office -- node app.mjs
  oauthd exec --aws corp --role arn:aws:iam::123456789012:role/ops -- aws s3 ls`,
		DisableFlagsInUseLine: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			variables, err := readVariables(values, files)
			if err != nil {
				return err
			}
			emulated, err := askedFor(emulations)
			if err != nil {
				return err
			}
			injected, err := readProxies(proxied, log, variables)
			if err != nil {
				return err
			}
			emulated = append(emulated, injected...)
			if len(variables)+len(emulated) == 0 {
				return badRequest("exec wants to know which variable gets a token, and whose", "oauthd exec -e TOKEN=NAME -- CMD; oauthd accounts lists the names")
			}
			if len(args) == 0 {
				return badRequest("exec wants a program to run", "oauthd exec -e TOKEN=NAME -- CMD")
			}
			if err := f.settle(cmd); err != nil {
				return err
			}
			path, err := findProgram(args[0])
			if err != nil {
				return err
			}
			env, end, err := environmentOf(cmd.Context(), std, &f, variables, emulated)
			if err != nil {
				return err
			}
			defer end()
			return become(std, path, args, env)
		},
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows CMD is CMD's
	flags.StringArrayVarP(&values, "env", "e", nil, "put a token of account NAME into VAR (`VAR=NAME`), or the address of a URL's --proxy (VAR=URL); may be repeated")
	flags.StringArrayVarP(&files, "file", "f", nil, "put the path of a file with it into VAR (`VAR=NAME`); may be repeated")
	flags.StringArrayVar(&proxied, proxyFlag, nil, "serve CMD a server with the tokens of an account (`NAME=URL`); may be repeated")
	flags.BoolVar(&log, "proxy-log", false, "print a line for each request through --proxy on stderr")
	emulations = addEmulations(flags)
	f.add(flags)
	f.addLogin(flags)
	return cmd
}

// readVariables reads the values of -e and -f.
func readVariables(values, files []string) ([]childVariable, error) {
	var all []childVariable
	for i, text := range slices.Concat(values, files) {
		flag := "-e"
		if i >= len(values) {
			flag = "-f"
		}
		name, account, ok := strings.Cut(text, "=")
		if !ok || !variableName(name) {
			return nil, badRequest(fmt.Sprintf("%s %q is not VAR=NAME", flag, api.Excerpt(text)), flag+" TOKEN=work puts a token of the account work into TOKEN")
		}
		v := childVariable{name: name, account: account, file: flag == "-f"}
		if !v.file && strings.Contains(account, "://") { // no account's name
			place, err := readUpstream(account, "-e "+name+"=https://api.example.com")
			if err != nil {
				return nil, err
			}
			v.account, v.place = "", place
		} else if err := api.CheckAccountName(account); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(v childVariable) bool { return v.name == name }) {
			return nil, badRequest("the variable "+name+" is given twice", "give each variable once")
		}
		all = append(all, v)
	}
	return all, nil
}

// variableName reports whether a shell could name a variable so (POSIX XBD 3.216).
func variableName(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && !('a' <= c && c <= 'z') && !('A' <= c && c <= 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// findProgram looks CMD up as a shell does; its exit statuses for what is not there are the shell's too.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil, errors.Is(err, exec.ErrDot):
		return path, nil
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EISDIR):
		return "", &exitError{126, badRequest(api.Excerpt(name)+" cannot be executed", "chmod +x makes a file executable")}
	}
	return "", &exitError{127, badRequest("there is no program "+api.Excerpt(name), "check its name and PATH")}
}

// environmentOf returns the environment of CMD: ours, with the variables set, and with what the emulations need, which are
// served by then. end is to be called once CMD has ended, if this process is still there.
func environmentOf(ctx context.Context, std stdio, f *tokenFlags, variables []childVariable, emulated []*emulation) (env []string, end func(), err error) {
	c := starting()
	defer c.Close()
	if err := prepareEmulations(ctx, std, c, f, emulated); err != nil {
		return nil, nil, err
	}
	var tokens []string
	for _, v := range variables {
		if v.place != nil {
			continue // its emulation knows
		}
		value, err := f.value(ctx, std, c, v)
		if err != nil {
			return nil, nil, err
		}
		tokens = append(tokens, v.name+"="+value)
	}
	env, end = os.Environ(), func() {}
	if len(emulated) > 0 {
		if env, end, err = startEmulations(ctx, std, emulated, env); err != nil {
			return nil, nil, err
		}
	}
	return withChanges(env, tokens), end, nil
}

// value returns what a variable gets.
func (f *tokenFlags) value(ctx context.Context, std stdio, c *client.Client, v childVariable) (string, error) {
	if !v.file {
		return f.text(ctx, std, c, v.account)
	}
	var file api.File
	err := f.persist(ctx, std, c, v.account, func() (err error) {
		file, err = c.AddFile(ctx, f.file(v.account)) // which lives as long as this process, and so as CMD
		return err
	})
	return file.Path, err
}
