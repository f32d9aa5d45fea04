package main

import (
	"bytes"
	"encoding/binary"
)

// forwardingDLL returns a library of Windows (PE32+, x86-64) named name, whose one function is another library's.
//
// Go's runtime needs ProcessPrng of bcryptprimitives.dll, which the wine of Debian 12 lacks; SystemFunction036 of advapi32
// does the same.
func forwardingDLL(name, function, forward string) []byte {
	const (
		base      = 0x1000 // where the one section is in memory
		headers   = 0x200
		directory = 40 // bytes of an export directory
	)
	// The section: export directory, addresses, names, ordinals, texts.
	texts := directory + 4 + 4 + 2
	nameAt := base + texts
	functionAt := nameAt + len(name) + 1
	forwardAt := functionAt + len(function) + 1
	var section bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&section, binary.LittleEndian, v)
		}
	}
	put(uint32(0), uint32(0), uint32(0), uint32(nameAt), uint32(1), uint32(1), uint32(1),
		uint32(base+directory), uint32(base+directory+4), uint32(base+directory+8))
	put(uint32(forwardAt), uint32(functionAt), uint16(0)) // an address within the directory is a forwarder
	section.WriteString(name + "\x00" + function + "\x00" + forward + "\x00")
	size := section.Len()

	file := make([]byte, headers)
	copy(file, "MZ")
	binary.LittleEndian.PutUint32(file[0x3c:], 0x40)
	var pe bytes.Buffer
	write := func(values ...any) {
		for _, v := range values {
			_ = binary.Write(&pe, binary.LittleEndian, v)
		}
	}
	pe.WriteString("PE\x00\x00")
	// COFF header: x86-64, one section, an optional header of 240 bytes; an executable image, large addresses, a library.
	write(uint16(0x8664), uint16(1), uint32(0), uint32(0), uint32(0), uint16(240), uint16(0x2022))
	// Optional header.
	write(uint16(0x20b), uint16(0), uint32(0), uint32(headers), uint32(0), uint32(0), uint32(base))
	write(uint64(0x180000000), uint32(0x1000), uint32(headers))
	write(uint16(6), uint16(0), uint16(0), uint16(0), uint16(6), uint16(0), uint32(0))
	write(uint32(2*base), uint32(headers), uint32(0), uint16(3), uint16(0x100))
	write(uint64(0x100000), uint64(0x1000), uint64(0x100000), uint64(0x1000), uint32(0), uint32(16))
	write(uint32(base), uint32(size), [15]uint64{}) // the export directory, and no other
	// Section header.
	var section8 [8]byte
	copy(section8[:], ".edata")
	write(section8, uint32(size), uint32(base), uint32(headers), uint32(headers), uint32(0), uint32(0), uint32(0), uint32(0x40000040))
	copy(file[0x40:], pe.Bytes())
	return append(file, append(section.Bytes(), make([]byte, headers-size)...)...)
}
