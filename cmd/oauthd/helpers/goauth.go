package helpers

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"

	"oauthd/ipc/api"
	dialect "oauthd/ipc/dialect/goauth"
	"oauthd/ipc/own"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func goauth() Helper {
	return Helper{
		Name: "goauth", Unheard: true,
		Use:   "[URL]",
		Short: "answer the go command, which runs GOAUTH for a module's host",
		Long: `Answers the go command (1.24 or newer), which runs the commands in GOAUTH for the headers
of a request: an access token of the account whose hosts allow the URL ("oauthd match
URL" shows which). It asks after a host has refused a request. A host that is named gets
the token in the first request too, and a new one if it is refused: name those that hide
what is private instead of refusing it, as GitLab does.`,
		Example: `  oauthd helper install goauth --write
  oauthd helper install goauth --host gitlab.example.com --write`,
		Args: cobra.MaximumNArgs(1),
		Serve: func(flags *pflag.FlagSet) func(context.Context, Call) error {
			hosts := flags.StringArray("host", nil, "a `HOST` that gets its token in the first request; may be repeated")
			return func(ctx context.Context, c Call) error {
				if len(c.Args) == 0 {
					return dialect.First(ctx, *hosts, c.Out, c.Client)
				}
				return dialect.Again(ctx, *hosts, c.Args[0], c.In, c.Out, c.Client)
			}
		},
		Steps: goauthSteps,
	}
}

func goauthSteps(at Place) ([]Step, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return []Step{Note("there is no go in PATH, whose setting this would be")}, nil
	}
	setting := &goSetting{program: at.Self}
	if strings.ContainsAny(at.Self, " \t") {
		setting.program = `"` + at.Self + `"`
	}
	if strings.ContainsAny(at.Self, ";\"'\n") {
		return nil, &api.Error{Code: api.BadRequest, Message: "GOAUTH takes no program with a semicolon or a quote in its path: " + api.Excerpt(at.Self),
			Hint: "install oauthd elsewhere, or link to it"}
	}
	setting.program += " helper goauth"
	for _, host := range at.Hosts {
		setting.hosts += " --host " + dialect.URL(host)
	}
	steps := []Step{setting}
	if os.Getenv("GOAUTH") != "" {
		steps = append(steps, Note("GOAUTH is set in the environment too, and only that is heeded: unset it"))
	}
	return steps, nil
}

// goSetting is a command at the end of GOAUTH, which the go command has in a file of its own. Its default is netrc.
type goSetting struct {
	// program begins the command; what follows are the hosts that it names.
	program, hosts string
}

// Text implements [Step].
func (s *goSetting) Text() string {
	value, _ := s.current(context.Background()) // without go, what it would be by default
	return Quoted("go", "env", "-w", "GOAUTH="+s.with(value))
}

// Make implements [Step].
func (s *goSetting) Make(ctx context.Context) error {
	was, err := s.current(ctx)
	if err != nil {
		return err
	}
	if strings.TrimSpace(was) == "off" {
		return &api.Error{Code: api.BadRequest, Message: "GOAUTH is off, and has no other command beside that", Hint: "go env -u GOAUTH, then install again"}
	}
	if now := s.with(was); now != was {
		return s.execute(ctx, "-w", "GOAUTH="+now)
	}
	return nil
}

// Unmake implements [Step].
func (s *goSetting) Unmake(ctx context.Context) error {
	was, err := s.current(ctx)
	if err != nil {
		return err
	}
	switch now := s.without(was); now {
	case was:
		return nil
	case "":
		return s.execute(ctx, "-u", "GOAUTH")
	default:
		return s.execute(ctx, "-w", "GOAUTH="+now)
	}
}

// with returns a value of GOAUTH with the command at its end; "" is the default. A blank before the command shows that
// there was a value.
func (s *goSetting) with(was string) string {
	was = s.without(was)
	if was == "" {
		return "netrc;" + s.program + s.hosts
	}
	return was + "; " + s.program + s.hosts
}

// without returns a value of GOAUTH without the command, whatever hosts that names.
func (s *goSetting) without(was string) string {
	commands := strings.Split(was, ";")
	ours := func(command string) bool {
		rest, ok := strings.CutPrefix(strings.TrimSpace(command), s.program)
		return ok && (rest == "" || rest[0] == ' ')
	}
	if len(commands) == 2 && commands[0] == "netrc" && ours(commands[1]) && commands[1][0] != ' ' {
		return ""
	}
	return strings.Join(slices.DeleteFunc(commands, ours), ";")
}

// current returns the value of GOAUTH in go's file; "" if it has none.
func (s *goSetting) current(ctx context.Context) (string, error) {
	out, err := goCommand(ctx, "GOENV").Output()
	if err != nil {
		return "", unchanged("GOAUTH", err)
	}
	file, err := own.OpenNamed(strings.TrimSpace(string(out)), mostFile)
	if os.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", unchanged("GOAUTH", err)
	}
	for line := range strings.Lines(string(file.Data)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "GOAUTH="); ok {
			return value, nil
		}
	}
	return "", nil
}

func (s *goSetting) execute(ctx context.Context, args ...string) error {
	if out, err := goCommand(ctx, args...).CombinedOutput(); err != nil {
		return (&api.Error{Code: api.Internal, Message: "go refused the change: " + api.Excerpt(strings.TrimSpace(string(out)+" "+err.Error())),
			Hint: "run by hand: " + Quoted(append([]string{"go", "env"}, args...)...)}).Because(err)
	}
	return nil
}

// goCommand is go env as it is without a GOAUTH in the environment, which would hide the one in the file.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", append([]string{"env"}, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOAUTH=") })
	return cmd
}
