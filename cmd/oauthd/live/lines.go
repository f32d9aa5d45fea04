package live

import (
	"context"
	"fmt"
	"io"
	"time"

	"oauthd/ipc/api"
)

// Lines writes what happens to w, one line for each event, for a terminal that is none. It ends as the source's watch does.
func Lines(ctx context.Context, w io.Writer, source Source) error {
	m := NewModel()
	for e, err := range source.Watch(ctx, "") {
		if err != nil {
			return err
		}
		now := time.Now()
		if e.Event == api.EventAccount && e.Status != nil {
			if _, known := m.accounts[e.Account]; !known {
				m.happened(now, e.Account+": "+standing(*e.Status), Plain)
			}
		}
		m.Apply(e, now)
		for _, h := range m.events {
			if _, err := fmt.Fprintf(w, "%s  %s\n", h.at.Local().Format("15:04:05"), api.Excerpt(h.text)); err != nil {
				return err
			}
		}
		m.events = m.events[:0]
	}
	return nil
}
