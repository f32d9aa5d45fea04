package account

import (
	"errors"
	"strings"
)

const storageScheme = "gs://"

// Storage names the objects of a Cloud Storage bucket whose names begin with Prefix, as gs://bucket/prefix does; "" for all
// of the bucket.
type Storage struct{ Bucket, Prefix string }

// IsStorage reports whether target, an audience or a resource, is meant to name a [Storage].
func IsStorage(target string) bool { return strings.HasPrefix(target, storageScheme) }

// ParseStorage reads a URL such as gs://bucket/prefix. It takes no wildcards and no character that would end a string in
// the language of Google's conditions.
func ParseStorage(target string) (Storage, error) {
	if !IsStorage(target) {
		return Storage{}, errors.New("must begin with gs://")
	}
	bucket, prefix, _ := strings.Cut(strings.TrimPrefix(target, storageScheme), "/")
	const names = "abcdefghijklmnopqrstuvwxyz0123456789-_."
	odd := func(r rune) bool { return r < ' ' || r == 0x7f || strings.ContainsRune(`'"\*?`+"`", r) }
	switch {
	case len(bucket) < 3 || len(bucket) > 222 || strings.Trim(bucket, names) != "":
		return Storage{}, errors.New("its bucket must be 3 to 222 lower-case letters, digits, dashes, underscores and dots")
	case len(prefix) > 1024:
		return Storage{}, errors.New("its prefix must have at most 1024 bytes")
	case strings.ContainsFunc(prefix, odd):
		return Storage{}, errors.New("its prefix must have no wildcard, quotation mark, backslash or control character; all that begins with it is meant")
	}
	return Storage{Bucket: bucket, Prefix: prefix}, nil
}

// String returns the URL.
func (s Storage) String() string {
	if s.Prefix == "" {
		return storageScheme + s.Bucket
	}
	return storageScheme + s.Bucket + "/" + s.Prefix
}

// Covers reports whether all that other names is in s.
func (s Storage) Covers(other Storage) bool {
	return s.Bucket == other.Bucket && strings.HasPrefix(other.Prefix, s.Prefix)
}
