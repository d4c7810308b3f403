package wasmill

// Builder makes an [Array] value by value. A nested value is appended to its children first: of a list
// any number of items, of a fixed-size list DataType.Size, of a struct one value a field;
// [Builder.AppendNested] ends it.
type Builder struct {
	array    Array
	builders []*Builder
	// items points to the slice that becomes the array's Items: so nothing is allocated a value.
	items any
}

// NewBuilder makes one for columns of a type.
func NewBuilder(dataType DataType) *Builder {
	b := &Builder{array: Array{DataType: dataType}}
	switch dataType.Kind {
	case Boolean:
		b.items = new([]byte)
	case Int8:
		b.items = new([]int8)
	case Int16:
		b.items = new([]int16)
	case Int32, Date32:
		b.items = new([]int32)
	case Int64, Time64, TimestampKind:
		b.items = new([]int64)
	case Uint8:
		b.items = new([]uint8)
	case Uint16:
		b.items = new([]uint16)
	case Uint32:
		b.items = new([]uint32)
	case Uint64, Decimal128:
		b.items = new([]uint64)
	case Float32:
		b.items = new([]float32)
	case Float64:
		b.items = new([]float64)
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
	bits := b.items.(*[]byte)
	*bits = appendBit(*bits, b.array.Length, value)
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
	switch items := b.items.(type) {
	case *[]int8:
		*items = append(*items, 0)
	case *[]int16:
		*items = append(*items, 0)
	case *[]int32:
		*items = append(*items, 0)
	case *[]int64:
		*items = append(*items, 0)
	case *[]uint8:
		if b.array.DataType.Kind == Boolean {
			*items = appendBit(*items, b.array.Length, false)
		} else {
			*items = append(*items, 0)
		}
	case *[]uint16:
		*items = append(*items, 0)
	case *[]uint32:
		*items = append(*items, 0)
	case *[]uint64:
		*items = append(*items, 0)
		if b.array.DataType.Kind == Decimal128 {
			*items = append(*items, 0)
		}
	case *[]float32:
		*items = append(*items, 0)
	case *[]float64:
		*items = append(*items, 0)
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
	items := b.items.(*[]T)
	*items = append(*items, value)
	b.next()
}

// AppendDecimal appends the digits of a decimal: the value times ten to the power of its scale.
func (b *Builder) AppendDecimal(low, high uint64) {
	items := b.items.(*[]uint64)
	*items = append(*items, low, high)
	b.next()
}

// Array is what was appended.
func (b *Builder) Array() *Array {
	array := b.array
	switch items := b.items.(type) {
	case *[]int8:
		array.Items = *items
	case *[]int16:
		array.Items = *items
	case *[]int32:
		array.Items = *items
	case *[]int64:
		array.Items = *items
	case *[]uint8:
		array.Items = *items
	case *[]uint16:
		array.Items = *items
	case *[]uint32:
		array.Items = *items
	case *[]uint64:
		array.Items = *items
	case *[]float32:
		array.Items = *items
	case *[]float64:
		array.Items = *items
	}
	for _, child := range b.builders {
		array.Children = append(array.Children, child.Array())
	}
	return &array
}
