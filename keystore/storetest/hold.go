package storetest

import (
	"sync"

	"github.com/godbus/dbus/v5"
)

// Hold makes a Set of a [Scripted] service wait until one of its methods is called; later calls do nothing.
type Hold struct {
	// Arrived is closed when the Set has arrived.
	Arrived <-chan struct{}

	name    func(string) bool
	stored  bool
	arrived chan struct{}
	goOn    chan *dbus.Error
	once    sync.Once
}

// HoldSet makes the next Set of an item whose name satisfies name wait: before the service stores the item or, if
// stored is true, after that and before it answers. A test that sets up a Hold must also end it.
func (s *Scripted) HoldSet(name func(string) bool, stored bool) *Hold {
	h := &Hold{name: name, stored: stored, arrived: make(chan struct{}), goOn: make(chan *dbus.Error, 1)}
	h.Arrived = h.arrived
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds = append(s.holds, h)
	return h
}

// Release lets the service store the item, if it has not yet, and answer.
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
