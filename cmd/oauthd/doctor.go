package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"time"

	"oauthd/cmd/oauthd/doctor"
	"oauthd/cmd/oauthd/screen"
	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
)

func newDoctor(std stdio) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look for what keeps oauthd from working, and say what to do",
		Long: `Looks at the daemon, its socket and lock, the directories, the store, the browser,
proxy and certificates, each account, and whether its provider can be reached and
agrees about the time. It changes nothing and starts nothing. What it prints has
nothing secret in it, so it can go into a bug report.

The exit status is 1 if something is at fault; a warning does not count.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := examine(cmd.Context())
			if asJSON {
				if err := screen.JSON(std.out, found); err != nil {
					return err
				}
			} else if err := printFindings(std, found); err != nil {
				return err
			}
			for _, f := range found {
				if f.Status == doctor.Fault {
					return &exitError{status: 1}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func examine(ctx context.Context) []doctor.Finding {
	c := existing()
	defer c.Close()
	return doctor.Examine(ctx, doctor.Patient{
		Env: client.DefaultEnvironment(), Version: release, Status: c.Status, Provider: c.Provider, Config: configHere, Store: storeHere,
		Bus: busHere, Browser: browserHere, Now: time.Now,
		HTTP: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	})
}

// browserHere returns why no browser can be opened, "" if one can, and the programs that would be tried.
func browserHere() (why string, programs []string) {
	commands, _ := browserCommands("https://login.example.com/", os.Getenv, runtime.GOOS)
	for _, argv := range commands {
		programs = append(programs, argv[0])
	}
	return noBrowserHere(os.Getenv, runtime.GOOS), programs
}

// printFindings prints a line for each finding, and what to do below what is wrong, as wide as the terminal is.
func printFindings(std stdio, found []doctor.Finding) error {
	d := screen.DisplayOf(std.out)
	looks := map[string]screen.Style{doctor.OK: screen.Green, doctor.Warning: screen.Yellow, doctor.Fault: screen.Red}
	const margin = len(doctor.Warning) + 1
	for _, f := range found {
		text := api.Printable(f.Check + ": " + f.Detail)
		lines := screen.Wrap(text, max(d.Columns-margin, 0))
		if f.Fix != "" {
			for i, line := range screen.Wrap(api.Printable(f.Fix), max(d.Columns-margin-2, 0)) {
				lines = append(lines, []string{"→ ", "  "}[min(i, 1)]+line)
			}
		}
		for i, line := range lines {
			head := strings.Repeat(" ", margin)
			if i == 0 {
				head = d.Paint(looks[f.Status], f.Status) + strings.Repeat(" ", margin-len(f.Status))
			}
			if _, err := io.WriteString(screen.Raw(std.out), head+line+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}
