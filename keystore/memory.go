package keystore

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// Memory stores records for as long as the process lives. The zero Memory is empty and ready for use.
type Memory struct {
	mu      sync.Mutex // guards the fields below
	records map[string][]byte
}

var _ Store = (*Memory)(nil)

// Get implements [Store].
func (m *Memory) Get(ctx context.Context, name string) ([]byte, error) {
	if err := begin(ctx, opGet, name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	data, ok := m.records[name]
	if !ok {
		return nil, fmt.Errorf("keystore: get %q: %w", name, ErrNotFound)
	}
	return bytes.Clone(data), nil
}

// Put implements [Store].
func (m *Memory) Put(ctx context.Context, name string, data []byte) error {
	if err := begin(ctx, opPut, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = make(map[string][]byte)
	}
	m.records[name] = append([]byte{}, data...)
	return nil
}

// Len returns the number of records.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

// Empty reports whether there is no record but those of these names.
func (m *Memory) Empty(but ...string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.records {
		if !slices.Contains(but, name) {
			return false, nil
		}
	}
	return true, nil
}

// Delete implements [Store].
func (m *Memory) Delete(ctx context.Context, name string) error {
	if err := begin(ctx, opDelete, name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, name)
	return nil
}
