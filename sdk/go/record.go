package wasmill

import (
	"fmt"
	"reflect"
	"strings"
)

// record is how a struct stands in columns: one an exported field. A field's name in lower case, or
// what its tag `wasmill:"name"` says, is the column's.
type record struct {
	fields  []Field
	indices []int
	codecs  []fieldCodec
}

// fieldCodec is a codec of a struct's field, whose type is known by reflection alone.
type fieldCodec struct {
	read  func(*Array) func(row int) reflect.Value
	write func(*Builder) func(reflect.Value)
}

func fieldCodecOf[T any](c codec[T]) (fieldCodec, DataType, bool) {
	return fieldCodec{
		read: func(a *Array) func(int) reflect.Value {
			read := c.read(a)
			return func(row int) reflect.Value { return reflect.ValueOf(read(row)) }
		},
		write: func(b *Builder) func(reflect.Value) {
			write := c.write(b)
			return func(value reflect.Value) { write(value.Interface().(T)) }
		},
	}, c.dataType, c.takesNull
}

// fieldCodecFor panics for a type that a field cannot be: when the function is registered.
func fieldCodecFor(t reflect.Type) (fieldCodec, DataType, bool) {
	switch reflect.Zero(t).Interface().(type) {
	case bool:
		return fieldCodecOf(codecOf[bool]())
	case int8:
		return fieldCodecOf(codecOf[int8]())
	case int16:
		return fieldCodecOf(codecOf[int16]())
	case int32:
		return fieldCodecOf(codecOf[int32]())
	case int64:
		return fieldCodecOf(codecOf[int64]())
	case uint8:
		return fieldCodecOf(codecOf[uint8]())
	case uint16:
		return fieldCodecOf(codecOf[uint16]())
	case uint32:
		return fieldCodecOf(codecOf[uint32]())
	case uint64:
		return fieldCodecOf(codecOf[uint64]())
	case float32:
		return fieldCodecOf(codecOf[float32]())
	case float64:
		return fieldCodecOf(codecOf[float64]())
	case string:
		return fieldCodecOf(codecOf[string]())
	case []byte:
		return fieldCodecOf(codecOf[[]byte]())
	case Date:
		return fieldCodecOf(codecOf[Date]())
	case Timestamp:
		return fieldCodecOf(codecOf[Timestamp]())
	case []int64:
		return fieldCodecOf(codecOf[[]int64]())
	case []float32:
		return fieldCodecOf(codecOf[[]float32]())
	case []float64:
		return fieldCodecOf(codecOf[[]float64]())
	case []string:
		return fieldCodecOf(codecOf[[]string]())
	case Null[bool]:
		return fieldCodecOf(codecOf[Null[bool]]())
	case Null[int32]:
		return fieldCodecOf(codecOf[Null[int32]]())
	case Null[int64]:
		return fieldCodecOf(codecOf[Null[int64]]())
	case Null[float64]:
		return fieldCodecOf(codecOf[Null[float64]]())
	case Null[string]:
		return fieldCodecOf(codecOf[Null[string]]())
	case Null[[]byte]:
		return fieldCodecOf(codecOf[Null[[]byte]]())
	case Null[Date]:
		return fieldCodecOf(codecOf[Null[Date]]())
	case Null[Timestamp]:
		return fieldCodecOf(codecOf[Null[Timestamp]]())
	}
	panic(fmt.Sprintf("wasmill: a field of a row or of a group cannot be a %s", t))
}

func recordOf[T any]() record {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("wasmill: %s is not a struct", t))
	}
	var r record
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() {
			continue
		}
		name := field.Tag.Get("wasmill")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		codec, dataType, takesNull := fieldCodecFor(field.Type)
		r.fields = append(r.fields, Field{Name: name, DataType: dataType, NotNull: !takesNull})
		r.indices = append(r.indices, i)
		r.codecs = append(r.codecs, codec)
	}
	return r
}

// writer appends records to columns.
type writer struct {
	record   record
	builders []*Builder
	write    []func(reflect.Value)
	rows     int
}

func (r record) writer() *writer {
	w := &writer{record: r}
	for i, field := range r.fields {
		builder := NewBuilder(field.DataType)
		w.builders = append(w.builders, builder)
		w.write = append(w.write, r.codecs[i].write(builder))
	}
	return w
}

// add appends what value, a pointer to a record, points to.
func (w *writer) add(value any) {
	v := reflect.ValueOf(value).Elem()
	for i, index := range w.record.indices {
		w.write[i](v.Field(index))
	}
	w.rows++
}

func (w *writer) columns() []*Column {
	var columns []*Column
	for _, builder := range w.builders {
		columns = append(columns, NewColumn(builder.Array()))
	}
	return columns
}

// reader reads records out of a batch: it sets the fields of what its pointer points to.
func (r record) reader(rows *Batch) func(row int, into any) {
	var read []func(int) reflect.Value
	for i, codec := range r.codecs {
		read = append(read, codec.read(rows.Read(i)))
	}
	return func(row int, into any) {
		v := reflect.ValueOf(into).Elem()
		for i, index := range r.indices {
			v.Field(index).Set(read[i](row))
		}
	}
}
