package grant

import (
	"fmt"
	"net/http"
	"time"
)

// tolerableClock is how far apart clocks may be before the error of a refused assertion mentions it.
const tolerableClock = time.Minute

// clockTrouble says how far this machine's clock is from the provider's, by the answer's Date (RFC 9110 §6.6.1); "" if
// they agree, or nobody can say.
func (a Answer) clockTrouble() string {
	date, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return ""
	}
	off := date.Sub(a.now)
	which := "slow"
	if off < 0 {
		off, which = -off, "fast"
	}
	if off <= tolerableClock {
		return ""
	}
	return fmt.Sprintf("this machine's clock is %s %s", inWords(off), which)
}

// inWords rounds d, which is over a minute, to the largest unit that says enough.
func inWords(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}} {
		if d >= 2*unit.size {
			return fmt.Sprintf("%d %s", d.Round(unit.size)/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d.Round(time.Second)/time.Second)
}
