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

// Builder makes an [Array] value by value. A nested value is appended to its children first: of a list
// any number of items, of a fixed-size list DataType.Size, of a struct one value a field;
// [Builder.AppendNested] ends it.
type Builder struct {
	array    Array
	builders []*Builder
}

// NewBuilder makes one for columns of a type.
func NewBuilder(dataType DataType) *Builder {
	b := &Builder{array: Array{DataType: dataType}}
	switch dataType.Kind {
	case Boolean:
		b.array.Items = []byte{}
	case Int8:
		b.array.Items = []int8{}
	case Int16:
		b.array.Items = []int16{}
	case Int32, Date32:
		b.array.Items = []int32{}
	case Int64, Time64, TimestampKind:
		b.array.Items = []int64{}
	case Uint8:
		b.array.Items = []uint8{}
	case Uint16:
		b.array.Items = []uint16{}
	case Uint32:
		b.array.Items = []uint32{}
	case Uint64, Decimal128:
		b.array.Items = []uint64{}
	case Float32:
		b.array.Items = []float32{}
	case Float64:
		b.array.Items = []float64{}
	case Utf8, Binary, List:
		b.array.Offsets = []int32{0}
	}
	for _, child := range dataType.Children {
		b.builders = append(b.builders, NewBuilder(child.DataType))
	}
	return b
}

// Child is the builder of a list's items, or of a struct's field.
func (b *Builder) Child(index int) *Builder { return b.builders[index] }

// Len is the number of values.
func (b *Builder) Len() int { return b.array.Length }

func (b *Builder) next() {
	if b.array.Validity != nil {
		b.appendValidity(true)
	}
	b.array.Length++
}

func (b *Builder) appendValidity(present bool) {
	b.array.Validity = appendBit(b.array.Validity, b.array.Length, present)
}

func appendBit(bits []byte, index int, value bool) []byte {
	if index%8 == 0 {
		bits = append(bits, 0)
	}
	if value {
		bits[index/8] |= 1 << (index % 8)
	}
	return bits
}

// AppendBool appends a boolean.
func (b *Builder) AppendBool(value bool) {
	b.array.Items = appendBit(b.array.Items.([]byte), b.array.Length, value)
	b.next()
}

// AppendBytes appends a text or a binary value.
func (b *Builder) AppendBytes(value []byte) {
	b.array.Bytes = append(b.array.Bytes, value...)
	b.array.Offsets = append(b.array.Offsets, int32(len(b.array.Bytes)))
	b.next()
}

// AppendText appends a text.
func (b *Builder) AppendText(value string) {
	b.array.Bytes = append(b.array.Bytes, value...)
	b.array.Offsets = append(b.array.Offsets, int32(len(b.array.Bytes)))
	b.next()
}

// AppendNested ends a list or a struct.
func (b *Builder) AppendNested() {
	if b.array.Offsets != nil {
		b.array.Offsets = append(b.array.Offsets, int32(b.builders[0].Len()))
	}
	b.next()
}

// AppendNull appends NULL.
func (b *Builder) AppendNull() {
	if b.array.Validity == nil {
		bits := make([]byte, 0, b.array.Length/8+1)
		for row := range b.array.Length {
			bits = appendBit(bits, row, true)
		}
		b.array.Validity = bits
	}
	b.appendValidity(false)
	switch items := b.array.Items.(type) {
	case []int8:
		b.array.Items = append(items, 0)
	case []int16:
		b.array.Items = append(items, 0)
	case []int32:
		b.array.Items = append(items, 0)
	case []int64:
		b.array.Items = append(items, 0)
	case []uint8:
		if b.array.DataType.Kind == Boolean {
			b.array.Items = appendBit(items, b.array.Length, false)
		} else {
			b.array.Items = append(items, 0)
		}
	case []uint16:
		b.array.Items = append(items, 0)
	case []uint32:
		b.array.Items = append(items, 0)
	case []uint64:
		if b.array.DataType.Kind == Decimal128 {
			b.array.Items = append(items, 0, 0)
		} else {
			b.array.Items = append(items, 0)
		}
	case []float32:
		b.array.Items = append(items, 0)
	case []float64:
		b.array.Items = append(items, 0)
	}
	if b.array.Offsets != nil {
		b.array.Offsets = append(b.array.Offsets, b.array.Offsets[b.array.Length])
	}
	b.array.Length++
	// Under a NULL, what has no offsets has children all the same.
	each := 0
	switch b.array.DataType.Kind {
	case Struct:
		each = 1
	case FixedSizeList:
		each = int(b.array.DataType.Size)
	}
	for _, child := range b.builders {
		for range each {
			child.AppendNull()
		}
	}
}

// number is an item of a column of numbers, or of what is stored as numbers.
type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// AppendNumber appends a number, date, time or timestamp; T is the Go type of the builder's items. Of a
// decimal the low and the high half are appended as a pair by [Builder.AppendDecimal].
func AppendNumber[T number](b *Builder, value T) {
	b.array.Items = append(b.array.Items.([]T), value)
	b.next()
}

// AppendDecimal appends the digits of a decimal: the value times ten to the power of its scale.
func (b *Builder) AppendDecimal(low, high uint64) {
	b.array.Items = append(b.array.Items.([]uint64), low, high)
	b.next()
}

// Array is what was appended.
func (b *Builder) Array() *Array {
	array := b.array
	for _, child := range b.builders {
		array.Children = append(array.Children, child.Array())
	}
	return &array
}
