package keystore

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// head is the item of a record that is split: it says where its parts are and how to check that they fit together.
type head struct {
	// Generation is 0 or 1: the parts of the next record lie beside those of this one until its head is written.
	Generation int    `json:"generation"`
	Parts      int    `json:"parts"`
	Bytes      int    `json:"bytes"`
	SHA256     string `json:"sha256"`
}

func newHead(data []byte) head {
	sum := sha256.Sum256(data)
	return head{Parts: (len(data) + partBytes - 1) / partBytes, Bytes: len(data), SHA256: hex.EncodeToString(sum[:])}
}

func (h head) text() string {
	text, _ := json.Marshal(h) // a struct of ints and a string
	return headPrefix + string(text)
}

// parseHead refuses what newHead does not make, so that a forged head cannot ask for a million parts.
func parseHead(text string) (head, error) {
	encoded, ok := strings.CutPrefix(text, headPrefix)
	if !ok {
		return head{}, fmt.Errorf("%w: oauthd did not write it", ErrDamaged)
	}
	var h head
	if json.Unmarshal([]byte(encoded), &h) != nil {
		return head{}, fmt.Errorf("%w: its head is not JSON", ErrDamaged)
	}
	if h.Generation != 0 && h.Generation != 1 || h.Bytes < 1 || h.Bytes > maxBytes ||
		h.Parts != (h.Bytes+partBytes-1)/partBytes || len(h.SHA256) != 2*sha256.Size {
		return head{}, fmt.Errorf("%w: its head makes no sense", ErrDamaged)
	}
	return h, nil
}

// join reads the parts that h names.
func (h head) join(it items, name string) ([]byte, error) {
	var data bytes.Buffer
	for i := range h.Parts {
		text, err := it.get(partName(name, h.Generation, i))
		if errors.Is(err, ErrNotFound) {
			return nil, fmt.Errorf("%w: part %d of %d is missing", ErrDamaged, i+1, h.Parts)
		}
		if err != nil {
			return nil, err
		}
		chunk, err := base64.RawStdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%w: part %d of %d is not base64", ErrDamaged, i+1, h.Parts)
		}
		data.Write(chunk)
	}
	sum := sha256.Sum256(data.Bytes())
	if hex.EncodeToString(sum[:]) != h.SHA256 {
		return nil, fmt.Errorf("%w: its parts do not fit together", ErrDamaged)
	}
	return data.Bytes(), nil
}

func part(data []byte, i int) string {
	return base64.RawStdEncoding.EncodeToString(data[i*partBytes : min((i+1)*partBytes, len(data))])
}

// partName contains a '/', which no name of a record does.
func partName(name string, generation, i int) string {
	return fmt.Sprintf("%s/%d.%d", name, generation, i)
}

// checkSize returns ErrFull if the keychain of goos would refuse data. On macOS go-keyring notices only after it has
// started a program, which it then leaves waiting.
func checkSize(goos, service, name string, data []byte) error {
	if len(data) > maxBytes {
		return fmt.Errorf("%w: %d bytes, and %d is the limit", ErrFull, len(data), maxBytes)
	}
	text, ok := encodePlain(data)
	n := len(text)
	if !ok {
		name, n = partName(name, 0, maxParts), itemBytes
	}
	switch {
	case goos == "windows" && len(service) >= 512,
		goos == "darwin" && 54+len(service)+len(name)+4*((n+2)/3) > 4096:
		return fmt.Errorf("%w: an item of %d bytes", ErrFull, n)
	}
	return nil
}
