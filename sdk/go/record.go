package wasmill

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
)

// record is how a struct stands in columns: one an exported field. A field's name in lower case, or
// what its tag `wasmill:"name"` says, is the column's.
type record struct {
	fields  []Field
	indices []int
	// itemsTakeNull: of a list, NULL is a value of its items.
	itemsTakeNull []bool
}

var (
	dateType      = reflect.TypeFor[Date]()
	timestampType = reflect.TypeFor[Timestamp]()
	nullableType  = reflect.TypeFor[nullable]()
)

// kinds are those of plain Go types.
var kinds = map[reflect.Kind]Kind{
	reflect.Bool: Boolean,
	reflect.Int8: Int8, reflect.Int16: Int16, reflect.Int32: Int32, reflect.Int64: Int64,
	reflect.Uint8: Uint8, reflect.Uint16: Uint16, reflect.Uint32: Uint32, reflect.Uint64: Uint64,
	reflect.Float32: Float32, reflect.Float64: Float64,
	reflect.String: Utf8,
}

// fieldType is the type of a field's column; it panics where there is none: when the function is
// registered.
func fieldType(t reflect.Type) (dataType DataType, takesNull bool) {
	switch {
	case t == dateType:
		return Type(Date32), false
	case t == timestampType:
		return DataType{Kind: TimestampKind, Unit: Microsecond}, false
	case t.Implements(nullableType):
		dataType, _ = fieldType(t.Field(0).Type)
		return dataType, true
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return Type(Binary), false
	case t.Kind() == reflect.Slice:
		item, _ := fieldType(t.Elem())
		return ListOf(item), false
	}
	kind, known := kinds[t.Kind()]
	if !known {
		panic(fmt.Sprintf("wasmill: a field of a row or of a group cannot be a %s", t))
	}
	return Type(kind), false
}

// appendField appends a field's value to its column.
func appendField(b *Builder, v reflect.Value) {
	if isNull(v) {
		b.AppendNull()
		return
	}
	if v.Kind() == reflect.Struct {
		v = v.Field(0)
	}
	switch items := b.items.(type) {
	case *[]int8:
		*items = append(*items, int8(v.Int()))
	case *[]int16:
		*items = append(*items, int16(v.Int()))
	case *[]int32:
		*items = append(*items, int32(v.Int()))
	case *[]int64:
		*items = append(*items, v.Int())
	case *[]uint8:
		if v.Kind() == reflect.Bool {
			b.AppendBool(v.Bool())
			return
		}
		*items = append(*items, uint8(v.Uint()))
	case *[]uint16:
		*items = append(*items, uint16(v.Uint()))
	case *[]uint32:
		*items = append(*items, uint32(v.Uint()))
	case *[]uint64:
		*items = append(*items, v.Uint())
	case *[]float32:
		*items = append(*items, float32(v.Float()))
	case *[]float64:
		*items = append(*items, v.Float())
	default:
		appendOffsets(b, v)
		return
	}
	b.next()
}

// isNull says whether a value is a [Null] that is not valid.
func isNull(v reflect.Value) bool { return v.Kind() == reflect.Struct && !v.Field(1).Bool() }

// appendOffsets appends a text, a binary or a list.
func appendOffsets(b *Builder, v reflect.Value) {
	switch b.array.DataType.Kind {
	case Utf8:
		b.AppendText(v.String())
	case Binary:
		b.AppendBytes(v.Bytes())
	default:
		for i := range v.Len() {
			appendField(b.Child(0), v.Index(i))
		}
		b.AppendNested()
	}
}

// setField sets a field to the value of a row; NULL leaves it as it is: zero.
func setField(a *Array, row int, v reflect.Value) {
	if a.IsNull(row) {
		return
	}
	if v.Kind() == reflect.Struct {
		v.Field(1).SetBool(true)
		v = v.Field(0)
	}
	switch items := a.Items.(type) {
	case []int8:
		v.SetInt(int64(items[row]))
	case []int16:
		v.SetInt(int64(items[row]))
	case []int32:
		v.SetInt(int64(items[row]))
	case []int64:
		v.SetInt(items[row])
	case []uint8:
		if a.DataType.Kind == Boolean {
			v.SetBool(bit(items, row))
		} else {
			v.SetUint(uint64(items[row]))
		}
	case []uint16:
		v.SetUint(uint64(items[row]))
	case []uint32:
		v.SetUint(uint64(items[row]))
	case []uint64:
		v.SetUint(items[row])
	case []float32:
		v.SetFloat(float64(items[row]))
	case []float64:
		v.SetFloat(items[row])
	default:
		setOffsets(a, row, v)
	}
}

// setOffsets sets a text, a binary or a list. A group keeps them longer than the call, so they are copies.
func setOffsets(a *Array, row int, v reflect.Value) {
	switch a.DataType.Kind {
	case Utf8:
		v.SetString(a.Text(row))
	case Binary:
		v.SetBytes(bytes.Clone(a.bytes(row)))
	default:
		start, end := a.Range(row)
		v.Set(reflect.MakeSlice(v.Type(), end-start, end-start))
		for item := start; item < end; item++ {
			setField(a.Children[0], item, v.Index(item-start))
		}
	}
}

func recordOf[T any]() record {
	var r record
	for _, field := range exportedFields(reflect.TypeFor[T]()) {
		dataType, takesNull := fieldType(field.Type)
		r.fields = append(r.fields, Field{Name: columnName(field), DataType: dataType, NotNull: !takesNull})
		r.indices = append(r.indices, field.Index[0])
		itemTakesNull := field.Type.Kind() == reflect.Slice && field.Type.Elem().Implements(nullableType)
		r.itemsTakeNull = append(r.itemsTakeNull, itemTakesNull)
	}
	return r
}

func exportedFields(t reflect.Type) []reflect.StructField {
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("wasmill: %s is not a struct", t))
	}
	var fields []reflect.StructField
	for i := range t.NumField() {
		if field := t.Field(i); field.IsExported() {
			fields = append(fields, field)
		}
	}
	return fields
}

func columnName(field reflect.StructField) string {
	if name := field.Tag.Get("wasmill"); name != "" {
		return name
	}
	return strings.ToLower(field.Name)
}

// writer appends records to columns.
type writer struct {
	record   record
	builders []*Builder
	rows     int
}

func (r record) writer() *writer {
	w := &writer{record: r}
	for _, field := range r.fields {
		w.builders = append(w.builders, NewBuilder(field.DataType))
	}
	return w
}

// add appends what value, a pointer to a record, points to.
func (w *writer) add(value any) {
	v := reflect.ValueOf(value).Elem()
	for i, index := range w.record.indices {
		appendField(w.builders[i], v.Field(index))
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

// reader reads records out of a batch: it sets the fields of what its pointer
// points to, an empty record.
func (r record) reader(rows *Batch) func(row int, into any) {
	var arrays []*Array
	for i := range r.fields {
		arrays = append(arrays, rows.Read(i))
	}
	return r.setter(arrays)
}

// rowReader is the same where a field that is no [Null] takes none: it says which rows are called.
func (r record) rowReader(rows *Batch) (*rowReader, func(row int, into any)) {
	var reader rowReader
	var arrays []*Array
	for i, field := range r.fields {
		a := rows.Read(i)
		arrays = append(arrays, a)
		if field.NotNull && a.Validity != nil {
			reader.strict = append(reader.strict, a)
		}
		if len(a.Children) == 1 && a.Children[0].Validity != nil && !r.itemsTakeNull[i] {
			reader.lists = append(reader.lists, a)
		}
	}
	return &reader, r.setter(arrays)
}

func (r record) setter(arrays []*Array) func(row int, into any) {
	return func(row int, into any) {
		v := reflect.ValueOf(into).Elem()
		for i, index := range r.indices {
			setField(arrays[i], row, v.Field(index))
		}
	}
}
