package storetest

import (
	"sync"

	"github.com/godbus/dbus/v5"
)

// Hold is a Set of a [Scripted] service that is kept waiting until one of its methods is called; later calls do nothing.
type Hold struct {
	// Arrived is closed when the Set has come.
	Arrived <-chan struct{}

	name    func(string) bool
	stored  bool
	arrived chan struct{}
	goOn    chan *dbus.Error
	once    sync.Once
}

// HoldSet keeps the next Set waiting of an item whose name is one that name accepts: before the service has stored it,
// or where stored is true afterwards, before it says so. Whoever sets up a Hold must also end it.
func (s *Scripted) HoldSet(name func(string) bool, stored bool) *Hold {
	h := &Hold{name: name, stored: stored, arrived: make(chan struct{}), goOn: make(chan *dbus.Error, 1)}
	h.Arrived = h.arrived
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = append(s.holds, h)
	return h
}

// Release lets the Set be done, if it was not yet, and answered.
func (h *Hold) Release() { h.end(nil) }

// Refuse answers the Set with an error; what was stored already stays.
func (h *Hold) Refuse() { h.end(dbus.NewError("com.example.Refused", nil)) }

func (h *Hold) end(answer *dbus.Error) { h.once.Do(func() { h.goOn <- answer }) }

func (h *Hold) wait() *dbus.Error {
	close(h.arrived)
	return <-h.goOn
}

// held returns the hold that a Set of the item name meets, nil for none.
func (s *Scripted) held(name string) *Hold {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range s.holds {
		if h.name(name) {
			s.holds = append(s.holds[:i:i], s.holds[i+1:]...)
			return h
		}
	}
	return nil
}
