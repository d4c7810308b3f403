package wasmill

import "fmt"

// codec is how a Go type stands in columns.
type codec[T any] struct {
	dataType DataType
	// takesNull: NULL is a value of the type.
	takesNull bool
	// read gives a column's value of a row.
	read func(*Array) func(row int) T
	// write appends to a column.
	write func(*Builder) func(T)
}

// nullable is [Null] of any type: its codec is made of that type's.
type nullable interface{ codec() any }

// codecOf panics for a type that no SQL value becomes: when the function is registered.
func codecOf[T any]() codec[T] {
	var zero T
	var found any
	switch value := any(zero).(type) {
	case bool:
		found = codec[bool]{dataType: Type(Boolean), read: readBools, write: func(b *Builder) func(bool) { return b.AppendBool }}
	case int8:
		found = numbers[int8](Type(Int8))
	case int16:
		found = numbers[int16](Type(Int16))
	case int32:
		found = numbers[int32](Type(Int32))
	case int64:
		found = numbers[int64](Type(Int64))
	case uint8:
		found = numbers[uint8](Type(Uint8))
	case uint16:
		found = numbers[uint16](Type(Uint16))
	case uint32:
		found = numbers[uint32](Type(Uint32))
	case uint64:
		found = numbers[uint64](Type(Uint64))
	case float32:
		found = numbers[float32](Type(Float32))
	case float64:
		found = numbers[float64](Type(Float64))
	case string:
		found = codec[string]{
			dataType: Type(Utf8),
			read:     func(a *Array) func(int) string { return a.Text },
			write:    func(b *Builder) func(string) { return b.AppendText },
		}
	case []byte:
		found = codec[[]byte]{
			dataType: Type(Binary),
			read:     func(a *Array) func(int) []byte { return a.bytes },
			write:    func(b *Builder) func([]byte) { return b.AppendBytes },
		}
	case Date:
		found = stored[Date, int32](Type(Date32))
	case Timestamp:
		found = stored[Timestamp, int64](DataType{Kind: TimestampKind, Unit: Microsecond})
	case []bool:
		found = lists[bool]()
	case []int8:
		found = lists[int8]()
	case []int16:
		found = lists[int16]()
	case []int32:
		found = lists[int32]()
	case []int64:
		found = lists[int64]()
	case []uint16:
		found = lists[uint16]()
	case []uint32:
		found = lists[uint32]()
	case []uint64:
		found = lists[uint64]()
	case []float32:
		found = lists[float32]()
	case []float64:
		found = lists[float64]()
	case []string:
		found = lists[string]()
	case nullable:
		found = value.codec()
	default:
		panic(fmt.Sprintf("wasmill: no SQL value becomes a %T", zero))
	}
	return found.(codec[T])
}

func readBools(a *Array) func(int) bool {
	bits := a.Items.([]byte)
	return func(row int) bool { return bit(bits, row) }
}

func numbers[T number](dataType DataType) codec[T] { return stored[T, T](dataType) }

// stored is the codec of a T whose column's items are of type S.
func stored[T, S number](dataType DataType) codec[T] {
	return codec[T]{
		dataType: dataType,
		read: func(a *Array) func(int) T {
			items := a.Items.([]S)
			return func(row int) T { return T(items[row]) }
		},
		write: func(b *Builder) func(T) {
			items := b.items.(*[]S)
			return func(value T) {
				*items = append(*items, S(value))
				b.next()
			}
		},
	}
}

func (Null[T]) codec() any {
	inner := codecOf[T]()
	return codec[Null[T]]{
		dataType:  inner.dataType,
		takesNull: true,
		read: func(a *Array) func(int) Null[T] {
			read := inner.read(a)
			return func(row int) Null[T] {
				if a.IsNull(row) {
					return Null[T]{}
				}
				return Of(read(row))
			}
		},
		write: func(b *Builder) func(Null[T]) {
			write := inner.write(b)
			return func(value Null[T]) {
				if value.Valid {
					write(value.Value)
				} else {
					b.AppendNull()
				}
			}
		},
	}
}

// lists reads no item that is NULL: rows with such lists fail before.
func lists[T any]() codec[[]T] {
	inner := codecOf[T]()
	return codec[[]T]{
		dataType: ListOf(inner.dataType),
		read: func(a *Array) func(int) []T {
			items := a.Children[0]
			read := inner.read(items)
			return func(row int) []T {
				start, end := a.Range(row)
				values := make([]T, 0, end-start)
				for item := start; item < end; item++ {
					values = append(values, read(item))
				}
				return values
			}
		},
		write: func(b *Builder) func([]T) {
			write := inner.write(b.Child(0))
			return func(values []T) {
				for _, value := range values {
					write(value)
				}
				b.AppendNested()
			}
		},
	}
}
