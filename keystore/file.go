package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"oauthd/ipc/own"

	"filippo.io/age"
)

const (
	identityFile  = "identity.age"
	recordsDir    = "credentials"
	recordSuffix  = ".age"
	opNames       = "list"
	maxSealed     = maxBytes + 4<<10 // a record of the largest size, encrypted
	defaultFactor = 17               // 128 MiB for about half a second
	maxFactor     = 20
)

// FileConfig describes where a [File] is and what opens it.
type FileConfig struct {
	// Dir contains identity.age and credentials/; it is created, 0700, when the store is first opened.
	Dir string
	// Identity is the path of a file of age identities, including those of plugins, that opens identity.age; "" means
	// that a passphrase does. It matters when identity.age is created; after that identity.age itself says what opens
	// it.
	Identity string
	// Sealer seals the key that opens identity.age; nil means that Identity or a passphrase does. It matters when
	// identity.age is created, and for one that was created with it. With a Sealer there is no Identity.
	Sealer Sealer
	// WorkFactor is the binary logarithm of scrypt's cost for a new identity.age; 0 means 17.
	WorkFactor int
}

// File stores each record in a file of its own, encrypted by age to the identity in identity.age. It is closed until
// [File.Open] is called, and while it is closed every call of [Store] is [ErrLocked].
//
// A record is written beside the old one, read back, and put in its place, so a crash or a full disk leaves one of
// them, whole. If a crash came between the writing and the placing, Get finishes it. A call whose context ends while
// the disk does not answer returns, and further calls of that name wait until the disk has answered it. One process at
// a time may use a directory.
type File struct {
	config  FileConfig
	opening chan struct{} // holds one element during an opening, which is expensive
	turns   sync.Map      // name → chan struct{} with room for one call

	wantsPIN atomic.Bool // a plugin has asked for a secret that nobody gave
	mu       sync.Mutex  // guards the field below
	identity *age.X25519Identity
}

var _ Store = (*File)(nil)

// NewFile returns a closed File. It touches no file.
func NewFile(c FileConfig) *File {
	if c.WorkFactor == 0 {
		c.WorkFactor = defaultFactor
	}
	return &File{config: c, opening: make(chan struct{}, 1)}
}

// Get implements [Store]. A file that is not a record of this identity is [ErrDamaged] and is left as it is.
func (f *File) Get(ctx context.Context, name string) ([]byte, error) {
	return f.run(ctx, opGet, name, func(dir *own.Dir, identity *age.X25519Identity) ([]byte, error) {
		if data, found := settle(dir, name+recordSuffix, identity); found {
			return data, nil
		}
		sealed, err := readFile(dir, name+recordSuffix)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ErrNotFound
		}
		if err != nil {
			return nil, fileError(err)
		}
		return reveal(sealed, identity)
	})
}

// settle looks for a new record of the file name that a killed process has written but not put in its place, puts it
// there, and returns it. There is one only if the newest Put did not finish, because each Put begins by removing what
// it finds. It is whole if age can read it to its end; one that is cut off is removed.
func settle(dir *own.Dir, name string, identity *age.X25519Identity) (data []byte, found bool) {
	sealed, err := readFile(dir, name+partial)
	if err != nil {
		return nil, false
	}
	data, err = reveal(sealed, identity)
	if err != nil {
		if !errors.Is(err, errOtherIdentity) {
			_ = dir.Remove(name + partial)
		}
		return nil, false
	}
	// If the disk refuses that, the next Get tries again; the record is the newest all the same.
	_ = placeFile(dir, name)
	return data, true
}

// Put implements [Store]. It is [ErrFull] if the disk is full, and for more than 72,000 bytes.
func (f *File) Put(ctx context.Context, name string, data []byte) error {
	data = bytes.Clone(data) // a call that was given up goes on reading it
	_, err := f.run(ctx, opPut, name, func(dir *own.Dir, identity *age.X25519Identity) ([]byte, error) {
		defer clear(data)
		if len(data) > maxBytes {
			return nil, fmt.Errorf("%w: %d bytes, and %d is the limit", ErrFull, len(data), maxBytes)
		}
		sealed, err := seal(data, identity.Recipient())
		if err != nil {
			return nil, err
		}
		return nil, fileError(replaceFile(dir, name+recordSuffix, sealed))
	})
	return err
}

// Delete implements [Store].
func (f *File) Delete(ctx context.Context, name string) error {
	_, err := f.run(ctx, opDelete, name, func(dir *own.Dir, _ *age.X25519Identity) ([]byte, error) {
		return nil, fileError(removeFile(dir, name+recordSuffix))
	})
	return err
}

// Names returns the names of all records, in order.
func (f *File) Names(ctx context.Context) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("keystore: %s: %w", opNames, err)
	}
	if f.Closed() {
		return nil, fmt.Errorf("keystore: %s: %w", opNames, ErrLocked)
	}
	dir, err := f.records()
	if err != nil {
		return nil, fmt.Errorf("keystore: %s: %w", opNames, fileError(err))
	}
	defer dir.Close()
	names, err := namesIn(dir)
	if err != nil {
		return nil, fmt.Errorf("keystore: %s: %w", opNames, fileError(err))
	}
	return names, nil
}

// Empty reports whether there is no record but those of these names, whether the store is closed or not.
func (f *File) Empty(but ...string) (bool, error) {
	dir, err := f.records()
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("keystore: %s: %w", opNames, fileError(err))
	}
	defer dir.Close()
	names, err := namesIn(dir)
	if err != nil {
		return false, fmt.Errorf("keystore: %s: %w", opNames, fileError(err))
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(but, name) }), nil
}

// records opens the directory of records.
func (f *File) records() (*own.Dir, error) { return own.Open(filepath.Join(f.config.Dir, recordsDir)) }

func namesIn(dir *own.Dir) ([]string, error) {
	entries, err := dir.Entries()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), recordSuffix)
		if ok && checkName(name) == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// run does one operation on a record once it is its turn, and returns when ctx ends, at the latest.
func (f *File) run(ctx context.Context, op, name string, do func(*own.Dir, *age.X25519Identity) ([]byte, error)) ([]byte, error) {
	if err := begin(ctx, op, name); err != nil {
		return nil, err
	}
	turn, _ := f.turns.LoadOrStore(name, make(chan struct{}, 1))
	data, err := await(ctx, turn.(chan struct{}), func() ([]byte, error) {
		f.mu.Lock()
		identity := f.identity
		f.mu.Unlock()
		if identity == nil {
			return nil, ErrLocked
		}
		dir, err := f.records()
		if err != nil {
			return nil, fileError(err)
		}
		defer dir.Close()
		return do(dir, identity)
	})
	if err != nil {
		return nil, fmt.Errorf("keystore: %s %q: %w", op, name, err)
	}
	return data, nil
}

// await runs do, which takes no context, while it holds the one place of turn. If ctx ends first, await returns; do
// holds the place until it has ended, and its result is discarded.
func await[T any](ctx context.Context, turn chan struct{}, do func() (T, error)) (result T, err error) {
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return result, ctx.Err()
	}
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := do()
		<-turn
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return result, ctx.Err()
	}
}

// seal encrypts data.
func seal(data []byte, to ...age.Recipient) ([]byte, error) {
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return sealed.Bytes(), nil
}

// reveal decrypts what seal made. It does not pass on age's errors, which may quote what they read.
func reveal(sealed []byte, with ...age.Identity) ([]byte, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), with...)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, errOtherIdentity)
	}
	if errors.Is(err, ErrIdentity) || errors.Is(err, ErrNoPassphrase) { // of a plugin
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: it is not an age file", ErrDamaged)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%w: it is cut off or changed", ErrDamaged)
	}
	return data, nil
}
