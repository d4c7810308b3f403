package wasmill

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"time"
)

// keptField is a field of a state that is more than a value: a [ListState] or a [MapState]. What it changes is
// known while it is where it was read to.
type keptField interface {
	slot() Slot
	// load is what a key has before the call.
	load(before *Array, at place)
	// copyOf makes it a copy of another one of its type.
	copyOf(other any)
	// write hands over what has changed of all keys; fields gives those of its type.
	write(keyed *Keyed, slot int, before *Array, fields func(key int) any)
}

// place is whose a list or a map is.
type place struct {
	known bool
	slot  int
	key   int
}

var keptFieldType = reflect.TypeFor[keptField]()

// keptState is how a struct is kept of each key: a slot an exported field.
type keptState struct {
	slots   []Slot
	indices []int
	// many: it is a keptField.
	many []bool
}

// keptStateOf panics for a type that cannot be kept: when the function is registered.
func keptStateOf[S any]() keptState {
	var k keptState
	for _, field := range exportedFields(reflect.TypeFor[S]()) {
		var slot Slot
		many := reflect.PointerTo(field.Type).Implements(keptFieldType)
		if many {
			slot = reflect.New(field.Type).Interface().(keptField).slot()
		} else {
			slot.Value, _ = fieldType(field.Type)
		}
		slot.Name = columnName(field)
		slot.TTL = timeToLive(field)
		k.slots = append(k.slots, slot)
		k.indices = append(k.indices, field.Index[0])
		k.many = append(k.many, many)
	}
	return k
}

func timeToLive(field reflect.StructField) time.Duration {
	text, ok := field.Tag.Lookup("ttl")
	if !ok {
		return 0
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < time.Millisecond || ttl%time.Millisecond != 0 {
		panic(fmt.Sprintf("wasmill: the ttl `%s` of %s is no whole number of milliseconds, such as 90s or 24h", text, field.Name))
	}
	return ttl
}

// read reads all slots.
func (k *keptState) read(keyed *Keyed) []*Array {
	keys := keyed.Keys().Rows()
	arrays := make([]*Array, len(k.slots))
	for slot := range arrays {
		arrays[slot] = keyed.Read(slot).Read()
		if arrays[slot].Length != keys {
			panic("wasmill: the host gave a state of another number of keys")
		}
	}
	return arrays
}

// load sets the fields of a state, which is zero, to what a key has.
func (k *keptState) load(before []*Array, key int, into any) {
	v := reflect.ValueOf(into).Elem()
	for slot, index := range k.indices {
		field := v.Field(index)
		if k.many[slot] {
			field.Addr().Interface().(keptField).load(before[slot], place{true, slot, key})
		} else {
			setField(before[slot], key, field)
		}
	}
}

// copyOf makes a state, which is a plain copy of the other one, share nothing with it.
func (k *keptState) copyOf(into, other any) {
	v, from := reflect.ValueOf(into).Elem(), reflect.ValueOf(other).Elem()
	for slot, index := range k.indices {
		if k.many[slot] {
			v.Field(index).Addr().Interface().(keptField).copyOf(from.Field(index).Addr().Interface())
		} else {
			v.Field(index).Set(separate(from.Field(index)))
		}
	}
}

// write hands over what has changed; state gives a pointer to that of a key.
func (k *keptState) write(keyed *Keyed, before []*Array, state func(key int) any) {
	for slot, index := range k.indices {
		field := func(key int) reflect.Value { return reflect.ValueOf(state(key)).Elem().Field(index) }
		if before[slot].Length == 0 {
			continue
		}
		if k.many[slot] {
			pointer := func(key int) any { return field(key).Addr().Interface() }
			pointer(0).(keptField).write(keyed, slot, before[slot], pointer)
		} else {
			writeValues(keyed, slot, before[slot], field)
		}
	}
}

// writeValues writes the values that are others than before.
func writeValues(keyed *Keyed, slot int, before *Array, field func(key int) reflect.Value) {
	var keys []uint32
	b := NewBuilder(before.DataType)
	was := reflect.New(field(0).Type()).Elem()
	zero := reflect.Zero(was.Type())
	for key := range before.Length {
		value := field(key)
		there := !same(value, zero)
		if before.IsNull(key) && !there {
			continue
		}
		if !before.IsNull(key) && there {
			was.SetZero()
			setField(before, key, was)
			if same(value, was) {
				continue
			}
		}
		keys = append(keys, uint32(key))
		if there {
			appendField(b, value)
		} else {
			b.AppendNull()
		}
	}
	if len(keys) > 0 {
		keyed.Write(slot, keys, NewColumn(b.Array()))
	}
}

// same compares fields of a state to the bit: -0.0 is not 0.0, and NaN is itself.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Float32, reflect.Float64:
		return math.Float64bits(a.Float()) == math.Float64bits(b.Float())
	case reflect.Struct: // a Null
		valid := a.Field(1).Bool()
		return valid == b.Field(1).Bool() && (!valid || same(a.Field(0), b.Field(0)))
	case reflect.Slice:
		if a.Type().Elem().Kind() == reflect.Uint8 {
			return bytes.Equal(a.Bytes(), b.Bytes())
		}
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	default:
		return a.Equal(b)
	}
}

// separate is a copy that shares no memory.
func separate(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() == reflect.Slice && !v.IsNil():
		items := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		for i := range v.Len() {
			items.Index(i).Set(separate(v.Index(i)))
		}
		return items
	case v.Kind() == reflect.Struct && v.Field(0).Kind() == reflect.Slice: // a Null
		null := reflect.New(v.Type()).Elem()
		null.Field(0).Set(separate(v.Field(0)))
		null.Field(1).Set(v.Field(1))
		return null
	default:
		return v
	}
}

// separateAs is the same of a known type.
func separateAs[T any](value T) T {
	v := reflect.ValueOf(&value).Elem()
	if kind := v.Kind(); kind != reflect.Slice && kind != reflect.Struct {
		return value
	}
	return separate(v).Interface().(T)
}

// rangeOf says which items of the child are those of a row's list; none where it is NULL.
func rangeOf(a *Array, row int) (start, end int) {
	if a.IsNull(row) {
		return 0, 0
	}
	return a.Range(row)
}
