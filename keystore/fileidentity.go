package keystore

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"strings"

	"oauthd/ipc/own"

	"filippo.io/age"
)

// What [File.Open] may answer besides the errors of every store.
var (
	// ErrPassphrase means that identity.age was made with another passphrase.
	ErrPassphrase = errors.New("the passphrase is wrong")
	// ErrNoPassphrase means that a passphrase is needed and none was given.
	ErrNoPassphrase = errors.New("a passphrase is needed")
	// ErrIdentity means that the identities in the configured file cannot be used, or do not open identity.age.
	ErrIdentity = errors.New("the identity file does not open the store")

	errPlugin        = fmt.Errorf("%w: its plugin failed, is not on PATH, or took another PIN", ErrIdentity)
	errOtherIdentity = errors.New("it is encrypted to another identity")
)

// What a [File] needs to be opened.
const (
	NeedsNothing       = ""               // a file of identities, or this machine's seal, opens it
	NeedsPassphrase    = "passphrase"     // the one it was created with
	NeedsNewPassphrase = "new_passphrase" // opening creates identity.age, and this will be its passphrase
	NeedsPIN           = "pin"            // that of the identity's plugin, which has asked for one
)

// Needs returns what [File.Open] needs, whether the store is closed or not.
func (f *File) Needs() string {
	sealed, err := f.sealedIdentity()
	switch {
	case byPassphrase(sealed):
		return NeedsPassphrase
	case errors.Is(err, fs.ErrNotExist) && f.config.Identity == "" && f.config.Sealer == nil:
		return NeedsNewPassphrase
	case f.wantsPIN.Load():
		return NeedsPIN
	}
	return NeedsNothing
}

// sealedIdentity reads identity.age.
func (f *File) sealedIdentity() ([]byte, error) {
	dir, err := own.Open(f.config.Dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.Read(identityFile, maxSealed)
}

// makeRecords creates the directory of records if it is missing, and opens it.
func (f *File) makeRecords() (*own.Dir, error) {
	return own.Make(filepath.Join(f.config.Dir, recordsDir))
}

// Closed reports whether the store has to be opened.
func (f *File) Closed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.identity == nil
}

// Open opens the store, or checks the passphrase of a store that is open. The first time it creates identity.age. If a
// file of identities or a seal opens the store, the passphrase may be ""; a plugin that asks for a PIN gets it.
//
// Errors are [ErrPassphrase], [ErrNoPassphrase], [ErrIdentity], [ErrSealed], [ErrDamaged] if identity.age is damaged,
// [ErrUnavailable] and [ErrFull] for the disk, and the context's if ctx ends first. After an error the store is as it
// was before.
func (f *File) Open(ctx context.Context, passphrase string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("keystore: open: %w", err)
	}
	identity, err := await(ctx, f.opening, func() (*age.X25519Identity, error) {
		// scrypt's memory would stay with the process for minutes.
		defer debug.FreeOSMemory()
		return f.open(ctx, passphrase)
	})
	if err != nil {
		if errors.Is(err, ErrNoPassphrase) && f.config.Identity != "" {
			f.wantsPIN.Store(true)
		}
		return fmt.Errorf("keystore: open: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity = identity
	return nil
}

// Close forgets the identity. Calls under way may still succeed.
func (f *File) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.identity = nil
}

func (f *File) open(ctx context.Context, passphrase string) (*age.X25519Identity, error) {
	sealed, err := f.sealedIdentity()
	if errors.Is(err, fs.ErrNotExist) {
		return f.create(ctx, passphrase)
	}
	if err != nil {
		return nil, fileError(err)
	}
	records, err := f.makeRecords()
	if err != nil {
		return nil, fileError(err)
	}
	_ = records.Close()
	identities, wrong, err := f.opener(ctx, sealed, passphrase)
	if err != nil {
		return nil, err
	}
	text, err := reveal(sealed, identities...)
	if errors.Is(err, errOtherIdentity) {
		return nil, wrong
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", identityFile, err)
	}
	defer clear(text)
	identity, err := age.ParseX25519Identity(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: it contains no identity", identityFile, ErrDamaged)
	}
	return identity, nil
}

// opener returns what may open sealed, and the error to return if it does not.
func (f *File) opener(ctx context.Context, sealed []byte, passphrase string) (identities []age.Identity, wrong error, err error) {
	if !byPassphrase(sealed) && f.config.Sealer != nil {
		identity, err := f.unsealed(ctx)
		return []age.Identity{identity}, ErrSealed, err
	}
	if !byPassphrase(sealed) {
		if f.config.Identity == "" && bytes.HasPrefix(sealed, []byte("age-encryption.org/")) {
			return nil, nil, fmt.Errorf("%w: %s was made with an identity file, and none is configured", ErrIdentity, identityFile)
		}
		if f.config.Identity == "" {
			return nil, nil, fmt.Errorf("%s: %w: it is not an age file", identityFile, ErrDamaged)
		}
		identities, _, err = readIdentities(f.config.Identity, passphrase)
		return identities, ErrIdentity, err
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil { // it is empty
		return nil, nil, ErrNoPassphrase
	}
	identity.SetMaxWorkFactor(max(maxFactor, f.config.WorkFactor))
	return []age.Identity{identity}, ErrPassphrase, nil
}

// create makes a new identity, unless there are records that it could not read.
func (f *File) create(ctx context.Context, passphrase string) (*age.X25519Identity, error) {
	records, err := f.makeRecords()
	if err != nil {
		return nil, fileError(err)
	}
	names, err := namesIn(records)
	_ = records.Close()
	if err != nil {
		return nil, fileError(err)
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("%w: %s is missing, and only it can read the %d records that are there",
			ErrDamaged, filepath.Join(f.config.Dir, identityFile), len(names))
	}
	recipients, err := f.recipients(ctx, passphrase)
	if err != nil {
		return nil, err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	sealed, err := seal([]byte(identity.String()+"\n"), recipients...)
	if err != nil { // a plugin's, whose text is its own
		return nil, errPlugin
	}
	return identity, f.saveIdentity(sealed)
}

// recipients returns to what a new identity.age is encrypted.
func (f *File) recipients(ctx context.Context, passphrase string) ([]age.Recipient, error) {
	switch {
	case f.config.Sealer != nil:
		r, err := f.makeSealed(ctx)
		return []age.Recipient{r}, err
	case f.config.Identity != "":
		_, recipients, err := readIdentities(f.config.Identity, passphrase)
		return recipients, err
	}
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil { // it is empty
		return nil, ErrNoPassphrase
	}
	r.SetWorkFactor(f.config.WorkFactor)
	return []age.Recipient{r}, nil
}

func (f *File) saveIdentity(sealed []byte) error {
	dir, err := own.Open(f.config.Dir)
	if err != nil {
		return fileError(err)
	}
	defer dir.Close()
	return fileError(replaceFile(dir, identityFile, sealed))
}

// byPassphrase reports whether an age file was encrypted with a passphrase: then scrypt is its only stanza.
func byPassphrase(sealed []byte) bool {
	_, rest, _ := bytes.Cut(sealed, []byte("\n"))
	return bytes.HasPrefix(rest, []byte("-> scrypt "))
}

// CheckIdentities returns nil if the file at path contains age identities, and nothing else, to which a store can be
// encrypted, so that their plugins are there. The error is an [ErrIdentity], or ctx's.
func CheckIdentities(ctx context.Context, path string) error {
	_, err := await(ctx, make(chan struct{}, 1), func() (struct{}, error) {
		_, recipients, err := readIdentities(path, "")
		if err != nil {
			return struct{}{}, err
		}
		if _, err := seal([]byte("trial"), recipients...); err != nil { // a plugin's, whose text is its own
			return struct{}{}, errPlugin
		}
		return struct{}{}, nil
	})
	return err
}

// readIdentities reads a file as age-keygen and plugins write it. Its errors never quote the file.
func readIdentities(path, pin string) (identities []age.Identity, recipients []age.Recipient, err error) {
	text, err := own.ReadNamed(path, maxSealed)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if text, err = own.Text(text); err != nil {
		return nil, nil, fmt.Errorf("%w: %s %w", ErrIdentity, path, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, recipient := parseIdentity(line, pin)
		if identity == nil {
			return nil, nil, fmt.Errorf("%w: %s:%d is not an age identity", ErrIdentity, path, n)
		}
		identities, recipients = append(identities, identity), append(recipients, recipient)
	}
	if len(identities) == 0 {
		return nil, nil, fmt.Errorf("%w: %s contains none", ErrIdentity, path)
	}
	return identities, recipients, nil
}

func parseIdentity(line, pin string) (age.Identity, age.Recipient) {
	if i, err := age.ParseX25519Identity(line); err == nil {
		return i, i.Recipient()
	}
	if i, err := age.ParseHybridIdentity(line); err == nil {
		return i, i.Recipient()
	}
	if i, err := parsePlugin(line, pin); err == nil {
		return i, i.Recipient()
	}
	return nil, nil
}
