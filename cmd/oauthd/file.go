package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"

	"github.com/spf13/cobra"
)

var templateFile = secretFile{"the template", "a template", api.MaxTemplate, "a template is the text of a small file, with {{token}} in it"}

func newFile(std stdio) *cobra.Command {
	var f tokenFlags
	var template, templatePath, onChange string
	var force bool
	cmd := &cobra.Command{
		Use:   "file NAME PATH",
		Short: "maintain a file with a token in it",
		Long: `Writes a token of the account to PATH, a file that only you can read, without a
final newline, and has the daemon replace it before the token ends. It does so
for as long as it runs; when it ends, or oauthd is locked, or the account is
logged out, the file is removed, and it comes back with the token.

A file that oauthd did not write is left alone, unless --force says otherwise.
Given again for the same PATH, the new command replaces the old one.

--template is the text of the file. In it these stand for values:
  {{token}} {{id_token}} {{token_type}} {{scope}} {{account}} {{user}}
  {{expires_at}} (RFC 3339) {{expires_unix}}

--on-change is a command for the shell, run after each change, with OAUTHD_FILE,
OAUTHD_ACCOUNT and OAUTHD_EXPIRES_AT in its environment.`,
		Example: `  oauthd file work ~/.cache/prometheus/token
  oauthd file work ~/.config/app/auth.json --template '{"bearer": "{{token}}"}'
  oauthd file work ~/token --on-change 'systemctl --user reload app'
  oauthd file list
  oauthd file rm ~/token`,
		Args: func(_ *cobra.Command, args []string) error {
			switch len(args) {
			case 2:
				return nil
			case 0:
				return badRequest("file wants an account and a path", "oauthd file NAME PATH, or oauthd file list")
			case 1:
				return badRequest("file wants a path too", "oauthd file "+api.Excerpt(args[0])+" PATH")
			}
			return badRequest("file takes one account and one path", "oauthd file NAME PATH, once for each file; quote a path with spaces")
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filePath(args[1])
			if err != nil {
				return err
			}
			if f.form.Template, err = readTemplate(cmd, template, templatePath, std.in); err != nil {
				return err
			}
			if cmd.Flags().Changed("on-change") && onChange == "" {
				return badRequest("--on-change is empty", "give a command, or leave it out")
			}
			if err := f.settle(cmd); err != nil {
				return err
			}
			r := f.file(args[0])
			r.Path, r.Replace, r.OnChange = path, force, onChange
			c := starting()
			defer c.Close()
			var file api.File
			err = f.persist(cmd.Context(), std, c, args[0], func() (err error) {
				file, err = c.AddFile(cmd.Context(), r)
				return err
			})
			if err != nil {
				return err
			}
			screen.Say(std.err, "%s holds a token of %s and is kept up to date while the daemon runs.\n", file.Path, file.Account)
			return nil
		},
	}
	flags := cmd.Flags()
	f.add(flags)
	f.addLogin(flags)
	flags.StringVar(&template, "template", "", "the text of the file, with {{token}} in it")
	flags.StringVar(&templatePath, "template-file", "", "a file with that text (- reads standard input)")
	flags.StringVar(&onChange, "on-change", "", "a command to run after each change")
	flags.BoolVar(&force, "force", false, "replace a file that oauthd did not write")
	cmd.AddCommand(newFileList(std), newFileRemove(std))
	return cmd
}

// filePath makes a path absolute.
func filePath(given string) (string, error) {
	if given == "" {
		return "", badRequest("the path is empty", "give the path of a file, or of a socket")
	}
	path, err := filepath.Abs(given)
	if err != nil {
		return "", fileProblem(given, err)
	}
	if last := given[len(given)-1]; last == '/' || last == filepath.Separator {
		path += string(filepath.Separator) // a directory, as the daemon will say
	}
	return path, nil
}

// readTemplate returns the template that one of the two flags gives, "" for none.
func readTemplate(cmd *cobra.Command, text, path string, stdin io.Reader) (string, error) {
	inline, fromFile := cmd.Flags().Changed("template"), cmd.Flags().Changed("template-file")
	switch {
	case inline && fromFile:
		return "", badRequest("--template and --template-file exclude each other", "give one of them")
	case inline && text == "":
		return "", badRequest("the template is empty", "write {{token}} where the token belongs")
	case fromFile && path == "":
		return "", badRequest("--template-file is empty", "give the path of a file")
	case !fromFile:
		return text, nil
	}
	read, err := templateFile.read(path, stdin)
	return string(read), err
}

func newFileList(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the files that the daemon maintains",
		Args:  noneOf("list"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := existing()
			defer c.Close()
			files, err := c.Files(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return screen.JSON(std.out, files)
			}
			return printFiles(std, files)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// noneOf refuses arguments to a verb under file, which an account may be called too.
func noneOf(verb string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return badRequest("file "+verb+" takes no arguments", "oauthd file "+verb)
		}
		return nil
	}
}

func printFiles(std stdio, files []api.File) error {
	if len(files) == 0 {
		fmt.Fprintln(std.err, "No files are maintained. oauthd file NAME PATH adds one.")
		return nil
	}
	now := time.Now()
	rows := [][]string{{"ACCOUNT", "WRITTEN", "TOKEN ENDS", "UNTIL END OF", "FILE"}}
	for _, f := range files {
		until := "daemon"
		if f.PID != 0 {
			until = "pid " + strconv.Itoa(f.PID)
		}
		rows = append(rows, []string{f.Account, cmp.Or(screen.When(f.WrittenAt, now), "not there"), cmp.Or(screen.When(f.ExpiresAt, now), "-"), until, f.Path})
	}
	if err := screen.Table(std.out, rows); err != nil {
		return err
	}
	for _, f := range files {
		if f.LastError != nil {
			screen.Say(std.out, "\n%s: %s\n", f.Path, f.LastError.Message)
			if f.LastError.Hint != "" {
				screen.Say(std.out, "  hint: %s\n", f.LastError.Hint)
			}
		}
		if f.OnChangeError != "" {
			screen.Say(std.out, "\n%s: the command after a change failed: %s\n  command: %s\n", f.Path, f.OnChangeError, f.OnChange)
		}
	}
	return nil
}

func newFileRemove(std stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "rm PATH",
		Short: "end the maintenance of a file, and remove it",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return badRequest("file rm wants one path", "oauthd file rm PATH; oauthd file list shows the paths")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := filePath(args[0])
			if err != nil {
				return err
			}
			c := existing()
			defer c.Close()
			f, err := c.EndFile(cmd.Context(), path)
			if err != nil {
				return err
			}
			if f.LastError != nil {
				screen.Say(std.err, "note: %s\n", f.LastError.Message)
			}
			return nil
		},
	}
}
