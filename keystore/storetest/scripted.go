package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Prompt is what becomes of an operation of a [Scripted] service.
type Prompt int

// What may happen. A prompt that is answered, or that never shows, lets the operation be done.
const (
	NoPrompt      Prompt = iota
	Answered             // the person says yes
	Dismissed            // the person closes the prompt
	Ignored              // nobody is there
	ServiceDies          // the service leaves the bus when it should show the prompt
	BusDies              // the bus dies before the prompt is shown
	BusDiesAfter         // the bus dies while the prompt is shown
	FailsWithText        // the operation fails with an error that quotes what it was given
)

// Script sets what happens to each kind of operation; a zero field means that it succeeds at once.
type Script struct {
	Unlock, Set, Delete Prompt
}

// Scripted is a Secret Service that follows a [Script], on a bus of its own.
type Scripted struct {
	// Address is the bus'.
	Address string
	// Dir is XDG_RUNTIME_DIR, and Dir/home is HOME.
	Dir string
	// Prompted gets a value for each prompt that is asked for; while 64 are waiting, more are dropped.
	Prompted chan struct{}

	bus  bus
	conn *dbus.Conn

	mu     sync.Mutex // guards the fields below
	script Script
	items  map[dbus.ObjectPath]*scriptedItem
	serial int
	prompt Prompt            // what the prompt that was asked for last will do
	done   func()            // what it is for
	asked  []dbus.ObjectPath // what is to be unlocked
	holds  []*Hold
}

type secret struct {
	Session     dbus.ObjectPath
	Parameters  []byte
	Value       []byte
	ContentType string
}

// StartScripted starts a bus and a Secret Service on it that follows script. Both end with the test.
func StartScripted(t testing.TB, script Script) *Scripted {
	t.Helper()
	s := &Scripted{Dir: shortDir(t), script: script, items: make(map[dbus.ObjectPath]*scriptedItem)}
	s.Prompted = make(chan struct{}, 64)
	s.bus = startBus(t, s.Dir)
	s.Address = s.bus.address
	s.conn = connect(t, s.Address)
	export(t, s.conn, scriptedService{s}, secretsPath, ifaceService)
	export(t, s.conn, scriptedProperties{}, secretsPath, ifaceProperties)
	export(t, s.conn, scriptedCollection{s}, loginCollection, ifaceCollection)
	export(t, s.conn, scriptedSession{}, sessionPath, ifaceSession)
	export(t, s.conn, scriptedPrompt{s}, promptPath, ifacePrompt)
	if reply, err := s.conn.RequestName(secretsName, dbus.NameFlagDoNotQueue); err != nil ||
		reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("own %s: got %v, error %v", secretsName, reply, err)
	}
	return s
}

// Env returns the environment of a desktop session with this service, as [SecretService.Env] does.
func (s *Scripted) Env() []string { return sessionEnv(s.Dir, s.Address) }

// Follow replaces the script; what is stored stays.
func (s *Scripted) Follow(script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

const (
	sessionPath = secretsPath + "/session/s1"
	promptPath  = secretsPath + "/prompt/p1"
	noPath      = dbus.ObjectPath("/")
)

func export(t testing.TB, conn *dbus.Conn, object any, at dbus.ObjectPath, iface string) {
	t.Helper()
	if err := conn.Export(object, at, iface); err != nil {
		t.Fatal(err)
	}
}

// decideLocked does the operation, or returns the prompt that stands before it.
func (s *Scripted) decideLocked(p Prompt, done func()) dbus.ObjectPath {
	if p == NoPrompt {
		done()
		return noPath
	}
	s.prompt, s.done = p, done
	return promptPath
}

type scriptedService struct{ s *Scripted }

func (o scriptedService) OpenSession(string, dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	return dbus.MakeVariant(""), sessionPath, nil
}

func (o scriptedService) Unlock(what []dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	o.s.asked = what
	if prompt := o.s.decideLocked(o.s.script.Unlock, func() {}); prompt != noPath {
		return []dbus.ObjectPath{}, prompt, nil
	}
	return what, noPath, nil
}

type scriptedProperties struct{}

func (scriptedProperties) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant([]dbus.ObjectPath{loginCollection}), nil
}

type scriptedCollection struct{ s *Scripted }

func (o scriptedCollection) SearchItems(want map[string]string) ([]dbus.ObjectPath, *dbus.Error) {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	found := []dbus.ObjectPath{}
	for at, item := range o.s.items {
		if item.attributes["username"] == want["username"] && item.attributes["service"] == want["service"] {
			found = append(found, at)
		}
	}
	return found, nil
}

func (o scriptedCollection) CreateItem(properties map[string]dbus.Variant, value secret, _ bool) (
	dbus.ObjectPath, dbus.ObjectPath, *dbus.Error,
) {
	attributes, ok := properties[ifaceItem+".Attributes"].Value().(map[string]string)
	if !ok {
		return noPath, noPath, dbus.NewError("org.freedesktop.DBus.Error.InvalidArgs", nil)
	}
	hold := o.s.held(attributes["username"])
	if hold != nil && !hold.stored {
		if err := hold.wait(); err != nil {
			return noPath, noPath, err
		}
	}
	path, prompt, err := o.create(attributes, value)
	if hold != nil && hold.stored {
		if refused := hold.wait(); refused != nil {
			return noPath, noPath, refused
		}
	}
	return path, prompt, err
}

func (o scriptedCollection) create(attributes map[string]string, value secret) (
	dbus.ObjectPath, dbus.ObjectPath, *dbus.Error,
) {
	old, _ := o.SearchItems(attributes)
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.s.script.Set == FailsWithText {
		return noPath, noPath, dbus.NewError("com.example.Broken", []any{"cannot store " + string(value.Value)})
	}
	o.s.serial++
	item := &scriptedItem{o.s, attributes, value.Value, loginCollection + dbus.ObjectPath(fmt.Sprintf("/%d", o.s.serial))}
	if len(old) > 0 {
		item.path = old[0]
	}
	prompt := o.s.decideLocked(o.s.script.Set, func() {
		o.s.items[item.path] = item
		_ = o.s.conn.Export(item, item.path, ifaceItem)
	})
	return item.path, prompt, nil
}

type scriptedItem struct {
	s          *Scripted
	attributes map[string]string
	value      []byte
	path       dbus.ObjectPath
}

func (i *scriptedItem) GetSecret(session dbus.ObjectPath) (secret, *dbus.Error) {
	return secret{session, []byte{}, i.value, "text/plain"}, nil
}

func (i *scriptedItem) Delete() (dbus.ObjectPath, *dbus.Error) {
	i.s.mu.Lock()
	defer i.s.mu.Unlock()
	return i.s.decideLocked(i.s.script.Delete, func() { delete(i.s.items, i.path) }), nil
}

type scriptedSession struct{}

func (scriptedSession) Close() *dbus.Error { return nil }

type scriptedPrompt struct{ s *Scripted }

// Prompt plays the prompt. It sends its own reply if something has to happen between the reply and its return.
func (o scriptedPrompt) Prompt(call dbus.Message, _ string) *dbus.Error {
	o.s.mu.Lock()
	p, done, asked := o.s.prompt, o.s.done, o.s.asked
	if p == Answered {
		done()
	}
	o.s.mu.Unlock()
	select {
	case o.s.Prompted <- struct{}{}:
	default:
	}
	switch p {
	case Answered, Dismissed:
		if p == Dismissed {
			asked = []dbus.ObjectPath{}
		}
		_ = o.s.conn.Emit(promptPath, ifacePrompt+".Completed", p == Dismissed, dbus.MakeVariant(asked))
	case ServiceDies:
		_ = o.s.conn.Close()
	case BusDies:
		o.s.bus.kill()
	case BusDiesAfter:
		o.s.conn.Send(&dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: call.Headers[dbus.FieldSender],
			dbus.FieldReplySerial: dbus.MakeVariant(call.Serial()),
		}}, nil)
		// The bus handles one connection's messages in order: after this answer the reply has been passed on.
		_ = o.s.conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err
		o.s.bus.kill()
	}
	return nil
}
