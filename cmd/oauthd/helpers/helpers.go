// Package helpers is the table of the programs whose own protocols oauthd answers, and of the changes to their
// configuration that have them ask.
package helpers

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oauthd/ipc/api"
	"oauthd/ipc/client"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Helper answers one program in that program's own protocol.
type Helper struct {
	// Name is the word after "oauthd helper".
	Name string
	// Program is the file name under which the other program looks for its helper; "" if it takes any command.
	Program string
	// Use, Short, Long and Example describe the helper's arguments and what it does, as cobra has them.
	Use, Short, Long, Example string
	// Args checks the arguments; nil allows any.
	Args cobra.PositionalArgs
	// Serve adds the helper's flags, and returns what answers one request. The error is for a person to see, and decides
	// the exit status; an [Exit] is not shown.
	Serve func(flags *pflag.FlagSet) func(ctx context.Context, call Call) error
	// Steps are what has the program ask, in order: as a rule a link named Program, then a change to the program's
	// configuration. Nil means that there is nothing to change.
	Steps func(at Place) ([]Step, error)
	// Unheard is true if the program shows nobody what its helper writes to standard error.
	Unheard bool
	// Verbatim is true if the arguments of Program are not the helper's own, and so are no flags of it.
	Verbatim bool
	// OnRequest is true if the helper would stand in another program's way, and is installed only by name.
	OnRequest bool
}

// Exit is the exit status of a helper that has no more to say: the program takes it for an answer.
type Exit int

// Error implements [error].
func (e Exit) Error() string { return "exit status " + strconv.Itoa(int(e)) }

// Become is what a helper returns that leaves the answer to another program, which takes this one's place.
type Become struct {
	Path string
	Argv []string
}

// Error implements [error].
func (b Become) Error() string { return b.Path + " is to answer" }

// Call is one run of a helper.
type Call struct {
	Args []string
	In   io.Reader
	// Out is read by the program, Err by a person.
	Out, Err io.Writer
	Client   client.BearerTokens
	// Version is that of oauthd.
	Version string
}

// Place is where helpers are installed.
type Place struct {
	// Self is the path of oauthd; Quick that of the program which answers git sooner, and may be the same.
	Self, Quick string
	// Links is the directory for links, on the person's PATH.
	Links string
	// Hosts are those that the person named; none for all that the program would ask for.
	Hosts []string
	// Accounts returns the person's accounts.
	Accounts func() ([]api.Account, error)
}

// Link is the step that links oauthd under the name of a helper where programs look for commands.
func (p Place) Link(name string) *Link { return &Link{Path: filepath.Join(p.Links, name), To: p.Self} }

// QuickLink is [Place.Link] to the program that answers sooner.
func (p Place) QuickLink(name string) *Link {
	return &Link{Path: filepath.Join(p.Links, name), To: p.Quick}
}

// All returns the helpers, by name.
func All() []Helper {
	return []Helper{
		aws(),
		az(),
		bazel(),
		cargo(),
		docker(),
		git(),
		goauth(),
		googleExternal(),
		keyring(),
		kubectl(),
		pnpm(),
		terraform(),
	}
}

// Called returns the helper that is meant by the name under which this program was started, if any.
func Called(program string) (Helper, bool) {
	name := strings.TrimSuffix(filepath.Base(program), ".exe")
	all := All()
	i := slices.IndexFunc(all, func(h Helper) bool { return h.Program != "" && h.Program == name })
	if i < 0 {
		return Helper{}, false
	}
	return all[i], true
}
