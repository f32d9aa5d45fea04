// Package doctor looks for what keeps oauthd from working on this machine, and says what to do about each. It changes
// nothing, starts nothing, and finds out nothing secret, so that what it says can be pasted into a bug report.
package doctor

import (
	"cmp"
	"context"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"oauthd/ipc/api"
)

// patience bounds one check.
const patience = 15 * time.Second

// The states of a finding.
const (
	OK      = "ok"
	Warning = "warning" // it works, but not as well as it could, or not for long
	Fault   = "fault"
)

// Finding is the outcome of one check.
type Finding struct {
	// Check names what was looked at.
	Check  string `json:"check"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	// Fix is the command, or the sentence, that helps; "" if nothing is wrong.
	Fix string `json:"fix,omitempty"`
}

func ok(check, detail string) Finding         { return Finding{check, OK, detail, ""} }
func warn(check, detail, fix string) Finding  { return Finding{check, Warning, detail, fix} }
func fault(check, detail, fix string) Finding { return Finding{check, Fault, detail, fix} }
func faulty(check string, err error) Finding {
	e := api.AsError(err)
	return fault(check, e.Message, e.Hint)
}
func (f Finding) orFix(otherwise string) Finding { f.Fix = cmp.Or(f.Fix, otherwise); return f }

// Patient is what is looked at. All fields are needed.
type Patient struct {
	Env api.Environment
	// Version is that of this program.
	Version string
	// Status asks a daemon that runs, and starts none.
	Status func(ctx context.Context) (api.Status, error)
	// Provider asks the same daemon about a provider.
	Provider func(ctx context.Context, name string) (api.Provider, error)
	// Config returns what is wrong in the configuration, as an error that names file and line; nil if nothing is.
	Config func() error
	// Store tries the configured store, without a daemon, and returns which one that is.
	Store func(ctx context.Context) (backend string, err error)
	// Bus returns the address of the session bus, or an error that says why there is none.
	Bus func() (string, error)
	// Browser returns why no browser can be opened here, "" if one can, and the programs that would be tried.
	Browser func() (why string, programs []string)
	// HTTP reaches providers as the daemon would.
	HTTP *http.Client
	Now  func() time.Time
}

// Examine makes all checks.
func Examine(ctx context.Context, p Patient) []Finding {
	status, err := p.status(ctx)
	var all []Finding
	all = append(all, p.daemon(status, err)...)
	all = append(all, p.places(status, err)...)
	all = append(all, p.configuration())
	all = append(all, p.store(ctx, status, err)...)
	all = append(all, p.browser(), p.proxy(status, err))
	all = append(all, p.certificates()...)
	all = append(all, p.accounts(status)...)
	return append(all, p.reach(ctx, status)...)
}

func (p Patient) status(ctx context.Context) (api.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return p.Status(ctx)
}

func (p Patient) browser() Finding {
	why, programs := p.Browser()
	if why != "" {
		return warn("browser", "none can be opened: "+why, "oauthd login shows a code or a URL instead; oauthd help headless")
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err == nil {
			return ok("browser", program)
		}
	}
	return fault("browser", "there is no program "+api.Excerpt(cmp.Or(append(programs, "to open one")...)),
		"install xdg-utils, or set BROWSER to a program that opens a URL")
}

// side runs checks beside each other and returns what they found, in order.
func side(checks []func() Finding) []Finding {
	found := make([]Finding, len(checks))
	var work sync.WaitGroup
	for i, check := range checks {
		work.Go(func() { found[i] = check() })
	}
	work.Wait()
	return found
}
