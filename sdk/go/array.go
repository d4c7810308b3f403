package wasmill

import "fmt"

// Array is a column in the plugin's memory: Arrow's buffers. It is good for the call in which it was
// read; what a function keeps longer it must copy.
type Array struct {
	DataType DataType
	Length   int
	// Validity has a bit a row, least significant first, 1 = present; nil: nothing is NULL.
	Validity []byte
	// Items is one a row, of the Go type of its kind: []int8 to []uint64, []float32, []float64. Booleans
	// are a []byte of bits, decimals a []uint64 of two a row. Nil for other kinds. An item under a NULL may
	// be anything.
	Items any
	// Offsets are Length + 1, into Bytes or into the child: of texts, binaries and lists.
	Offsets []int32
	// Bytes are those of texts and binaries.
	Bytes    []byte
	Children []*Array
}

// IsNull says whether a row is NULL.
func (a *Array) IsNull(row int) bool {
	return a.Validity != nil && !bit(a.Validity, row)
}

// Text is a copy of a row's text.
func (a *Array) Text(row int) string { return string(a.bytes(row)) }

func (a *Array) bytes(row int) []byte {
	start, end := a.Offsets[row], a.Offsets[row+1]
	return a.Bytes[start:end:end]
}

// Range says which items of the child are those of a row's list.
func (a *Array) Range(row int) (start, end int) {
	if a.DataType.Kind == FixedSizeList {
		size := int(a.DataType.Size)
		return row * size, (row + 1) * size
	}
	return int(a.Offsets[row]), int(a.Offsets[row+1])
}

func bit(bits []byte, index int) bool { return bits[index/8]>>(index%8)&1 == 1 }

// check panics where the buffers are not those of the type: the host would refuse them less clearly.
func (a *Array) check() {
	if len(a.Children) != len(a.DataType.Children) {
		panic(fmt.Sprintf("a column has %d children, its type %d", len(a.Children), len(a.DataType.Children)))
	}
}
