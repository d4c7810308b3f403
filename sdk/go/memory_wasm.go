//go:build wasm

package wasmill

// Memory that the host knows by its address. Addresses are 32 bits there, and Go's collector does not
// see them: what they point to is held until the call ends.

import (
	"math"
	"unsafe"
)

// held is what the host, or a record in memory, points to.
var held []unsafe.Pointer

// hold keeps what p points to until the call ends, and gives its address.
func hold(p unsafe.Pointer) uint32 {
	if p == nil {
		return 0
	}
	held = append(held, p)
	return uint32(uintptr(p))
}

// release is what the host calls when it has read a result.
func release() {
	clear(held)
	held = held[:0]
}

// allocate gives zeroed memory of so many bytes, aligned to 8.
func allocate(size uint32) memory {
	if size == 0 {
		return 8
	}
	words := make([]uint64, (uint64(size)+7)/8)
	return memory(hold(unsafe.Pointer(&words[0])))
}

//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, align, size uint32) unsafe.Pointer {
	grown := allocate(size)
	if oldSize > 0 {
		copy(grown.bytes(size), unsafe.Slice((*byte)(old), oldSize))
	}
	return grown.pointer(0)
}

// memory is the address of a record.
type memory uint32

func (m memory) pointer(offset uint32) unsafe.Pointer {
	return unsafe.Pointer(uintptr(uint32(m) + offset))
}

func (m memory) u8(offset uint32) uint8    { return *(*uint8)(m.pointer(offset)) }
func (m memory) u32(offset uint32) uint32  { return *(*uint32)(m.pointer(offset)) }
func (m memory) u64(offset uint32) uint64  { return *(*uint64)(m.pointer(offset)) }
func (m memory) f32(offset uint32) float32 { return math.Float32frombits(m.u32(offset)) }
func (m memory) f64(offset uint32) float64 { return math.Float64frombits(m.u64(offset)) }
func (m memory) put8(offset uint32, value uint8) {
	*(*uint8)(m.pointer(offset)) = value
}
func (m memory) put32(offset uint32, value uint32) {
	*(*uint32)(m.pointer(offset)) = value
}
func (m memory) put64(offset uint32, value uint64) {
	*(*uint64)(m.pointer(offset)) = value
}

func (m memory) bytes(size uint32) []byte {
	return unsafe.Slice((*byte)(m.pointer(0)), size)
}

// text is a copy of one whose pointer and length stand there.
func (m memory) text(offset uint32) string {
	return string(memory(m.u32(offset)).bytes(m.u32(offset + 4)))
}

// putText puts a text's pointer and length there.
func (m memory) putText(offset uint32, text string) {
	m.put32(offset, hold(unsafe.Pointer(unsafe.StringData(text))))
	m.put32(offset+4, uint32(len(text)))
}

// list is the elements of a list whose pointer and length stand there, without a copy.
func list[T any](m memory, offset uint32) []T {
	length := m.u32(offset + 4)
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*T)(memory(m.u32(offset)).pointer(0)), length)
}

// address gives a slice's pointer, for the time of a call.
func address[T any](items []T) pointer {
	p := unsafe.Pointer(unsafe.SliceData(items))
	hold(p)
	return p
}

func textAddress(text string) (pointer, uint32) {
	p := unsafe.Pointer(unsafe.StringData(text))
	hold(p)
	return p, uint32(len(text))
}

// Sizes of the contract's records.
const (
	fieldSize     = 40
	schemaSize    = 16
	signatureSize = 68
	parameterSize = 32
	rowErrorSize  = 12
	valueSize     = 16
	arraySize     = 36
	pairSize      = 16
)

// putSchema writes a schema: its fields in pre-order.
func (m memory) putSchema(offset uint32, fields []Field) {
	all := allocate(uint32(countFields(fields)) * fieldSize)
	used := uint32(0)
	indices := putFields(all, &used, fields)
	m.put32(offset, uint32(all))
	m.put32(offset+4, used)
	m.put32(offset+8, uint32(uintptr(address(indices))))
	m.put32(offset+12, uint32(len(indices)))
}

func countFields(fields []Field) int {
	count := len(fields)
	for _, field := range fields {
		count += countFields(field.DataType.Children)
	}
	return count
}

func putFields(all memory, used *uint32, fields []Field) []uint32 {
	indices := make([]uint32, len(fields))
	for i, field := range fields {
		indices[i] = *used
		m := all + memory(*used*fieldSize)
		*used++
		m.putText(0, field.Name)
		dataType := field.DataType
		m.put8(8, uint8(dataType.Kind))
		switch dataType.Kind {
		case TimestampKind:
			m.put8(12, uint8(dataType.Unit))
			if dataType.Timezone != "" {
				m.put8(16, 1)
				m.putText(20, dataType.Timezone)
			}
		case Decimal128:
			m.put8(12, dataType.Precision)
			m.put8(13, uint8(dataType.Scale))
		case FixedSizeList:
			m.put32(12, dataType.Size)
		}
		if !field.NotNull {
			m.put8(28, 1)
		}
		children := putFields(all, used, dataType.Children)
		m.put32(32, uint32(uintptr(address(children))))
		m.put32(36, uint32(len(children)))
	}
	return indices
}

// schema reads one whose four words stand there.
func (m memory) schema(offset uint32) []Field {
	return readFields(memory(m.u32(offset)), list[uint32](m, offset+8))
}

func readFields(all memory, indices []uint32) []Field {
	fields := make([]Field, len(indices))
	for i, index := range indices {
		m := all + memory(index*fieldSize)
		field := &fields[i]
		field.Name = m.text(0)
		field.NotNull = m.u8(28) == 0
		dataType := &field.DataType
		dataType.Kind = Kind(m.u8(8))
		switch dataType.Kind {
		case TimestampKind:
			dataType.Unit = TimeUnit(m.u8(12))
			if m.u8(16) == 1 {
				dataType.Timezone = m.text(20)
			}
		case Decimal128:
			dataType.Precision, dataType.Scale = m.u8(12), int8(m.u8(13))
		case FixedSizeList:
			dataType.Size = m.u32(12)
		}
		dataType.Children = readFields(all, list[uint32](m, 32))
	}
	return fields
}
