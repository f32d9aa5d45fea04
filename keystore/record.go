package keystore

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// items is a keychain as the system offers it: text under a name, about 2.5 kB at most.
type items interface {
	get(name string) (string, error) // ErrNotFound if absent
	set(name, text string) error
	remove(name string) error // nil if absent
}

const (
	itemBytes = 2400              // of text in one item; Windows takes 2,560
	partBytes = itemBytes / 4 * 3 // of data in one part, which base64 makes itemBytes
	maxParts  = 40
	maxBytes  = maxParts * partBytes

	textPrefix   = "t1:" // data as it is, if that is printable ASCII
	base64Prefix = "b1:" // data in base64
	headPrefix   = "s1:" // a head, as JSON, of data that is split
)

// encodePlain returns the text of an item that holds all of data; ok is false if data has to be split.
func encodePlain(data []byte) (text string, ok bool) {
	if printable(data) {
		text = textPrefix + string(data)
	} else {
		text = base64Prefix + base64.RawStdEncoding.EncodeToString(data)
	}
	return text, len(text) <= itemBytes
}

func printable(data []byte) bool {
	for _, c := range data {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// readRecord returns the data under name.
func readRecord(it items, name string) ([]byte, error) {
	text, err := it.get(name)
	if err != nil {
		return nil, err
	}
	for range 3 {
		data, err := decode(it, name, text)
		if !errors.Is(err, ErrDamaged) {
			return data, err
		}
		// Another process may have replaced the record after the head was read: then the head differs by now.
		again, getErr := it.get(name)
		if getErr != nil {
			return nil, getErr
		}
		if again == text {
			return nil, err
		}
		text = again
	}
	return nil, fmt.Errorf("%w: it kept changing while it was read", ErrUnavailable)
}

func decode(it items, name, text string) ([]byte, error) {
	if data, ok := strings.CutPrefix(text, textPrefix); ok {
		return []byte(data), nil
	}
	if encoded, ok := strings.CutPrefix(text, base64Prefix); ok {
		data, err := base64.RawStdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, fmt.Errorf("%w: it is not base64", ErrDamaged)
		}
		return data, nil
	}
	h, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	return h.join(it, name)
}

// writeRecord puts data under name: in one item if it fits. Otherwise the parts of the other generation come first,
// then the head, which switches over to them; then the old parts are removed. A crash at any point leaves a whole
// record.
func writeRecord(it items, name string, data []byte) error {
	old, err := it.get(name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	oldHead, headErr := parseHead(old)
	if text, ok := encodePlain(data); ok {
		if err := setItem(it, name, text); err != nil {
			return err
		}
		if strings.HasPrefix(old, headPrefix) {
			_ = sweep(it, name, head{}, oldHead)
		}
		return nil
	}
	h := newHead(data)
	if headErr == nil {
		h.Generation = 1 - oldHead.Generation
	}
	for i := range h.Parts {
		if err := setItem(it, partName(name, h.Generation, i), part(data, i)); err != nil {
			return err
		}
	}
	if err := setItem(it, name, h.text()); err != nil {
		return err
	}
	_ = sweep(it, name, h, oldHead)
	return nil
}

// deleteRecord removes the head first, so that no head is ever without its parts, then every part of any generation.
func deleteRecord(it items, name string) error {
	old, err := it.get(name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	oldHead, _ := parseHead(old)
	if err := removeItem(it, name); err != nil {
		return err
	}
	return sweep(it, name, head{}, oldHead)
}

// sweep removes all parts but those of now: the parts of old, whether or not some are missing, and those that a crash
// has left behind. The record is whole without it, so a Put ignores its error: the next sweep finds what this one left.
func sweep(it items, name string, now, old head) error {
	var errs []error
	for generation := range 2 {
		from, known := 0, 0
		if generation == now.Generation {
			from = now.Parts
		}
		if generation == old.Generation {
			known = old.Parts
		}
		errs = append(errs, removeParts(it, name, generation, from, known))
	}
	return errors.Join(errs...)
}

// removeParts removes the parts of a generation from index from on. Parts are written upwards and removed downwards, so
// if a part at or above known is missing, there is none above it, even after a crash.
func removeParts(it items, name string, generation, from, known int) error {
	end := max(from, known)
	for ; end < maxParts; end++ {
		if _, err := it.get(partName(name, generation, end)); errors.Is(err, ErrNotFound) {
			break
		} else if err != nil {
			return err
		}
	}
	for end--; end >= from; end-- {
		if err := removeItem(it, partName(name, generation, end)); err != nil {
			return err
		}
	}
	return nil
}

// setItem sets an item and reads it back: go-keyring returns nil if the prompt was dismissed and nothing was stored.
func setItem(it items, name, text string) error {
	if err := it.set(name, text); err != nil {
		return err
	}
	kept, err := it.get(name)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read back: %w", err)
	}
	if kept != text {
		return fmt.Errorf("%w: it did not keep the record", ErrDismissed)
	}
	return nil
}

// removeItem removes an item and looks whether it is gone: see setItem.
func removeItem(it items, name string) error {
	if err := it.remove(name); err != nil {
		return err
	}
	if _, err := it.get(name); err == nil {
		return fmt.Errorf("%w: it did not delete the record", ErrDismissed)
	} else if !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("read back: %w", err)
	}
	return nil
}
