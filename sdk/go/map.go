package wasmill

import (
	"iter"
	"slices"
)

// MapKey is a type that the keys of a [MapState] may be of.
type MapKey interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~string
}

// MapState is entries of a key, by keys of their own: a field of a state. The host is handed those that were
// put or removed.
type MapState[K MapKey, V any] struct {
	entries map[K]entry[V]
	// size is how many have a value.
	size int
	// of is where those come from that were not touched.
	of place
}

type entry[V any] struct {
	value V
	// there: it was not removed.
	there, touched bool
}

// Len is how many entries there are.
func (m *MapState[K, V]) Len() int { return m.size }

// Get is the value under a key, if there is one.
func (m *MapState[K, V]) Get(key K) (V, bool) {
	entry := m.entries[key]
	return entry.value, entry.there
}

// Put puts a value under a key.
func (m *MapState[K, V]) Put(key K, value V) {
	if m.entries == nil {
		m.entries = map[K]entry[V]{}
	}
	if !m.entries[key].there {
		m.size++
	}
	m.entries[key] = entry[V]{value, true, true}
}

// Remove removes what is under a key.
func (m *MapState[K, V]) Remove(key K) {
	if m.entries[key].there {
		m.size--
		m.entries[key] = entry[V]{touched: true}
	}
}

// Clear removes all.
func (m *MapState[K, V]) Clear() { *m = MapState[K, V]{} }

// All are the entries, in the order of their keys. Between, entries may be put and removed; those that
// are new are not among them.
func (m *MapState[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for _, key := range m.sorted() {
			if entry := m.entries[key]; entry.there && !yield(key, entry.value) {
				return
			}
		}
	}
}

func (m *MapState[K, V]) sorted() []K {
	keys := make([]K, 0, len(m.entries))
	for key := range m.entries {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (*MapState[K, V]) slot() Slot {
	key, value := codecOf[K](), codecOf[V]()
	if value.takesNull {
		panic("wasmill: the values of a MapState cannot be a Null")
	}
	return Slot{Kind: MapSlot, Key: key.dataType, Value: value.dataType}
}

func (m *MapState[K, V]) load(before *Array, at place) {
	m.of = at
	start, end := rangeOf(before, at.key)
	if start == end {
		return
	}
	keys, values := before.Children[0].Children[0], before.Children[0].Children[1]
	readKey, readValue := codecOf[K]().read(keys), codecOf[V]().read(values)
	m.entries = make(map[K]entry[V], end-start)
	for row := start; row < end; row++ {
		if !values.IsNull(row) {
			m.entries[readKey(row)] = entry[V]{value: readValue(row), there: true}
		}
	}
	m.size = len(m.entries)
}

func (m *MapState[K, V]) copyOf(other any) {
	from := other.(*MapState[K, V])
	*m = *from
	m.entries = make(map[K]entry[V], len(from.entries))
	for key, entry := range from.entries {
		entry.value = separateAs(entry.value)
		m.entries[key] = entry
	}
}

func (*MapState[K, V]) write(keyed *Keyed, slot int, before *Array, fields func(key int) any) {
	keyCodec, valueCodec := codecOf[K](), codecOf[V]()
	entries, values, written := NewBuilder(keyCodec.dataType), NewBuilder(valueCodec.dataType), NewBuilder(before.DataType)
	pairs := written.Child(0)
	putKey, putValue := keyCodec.write(entries), valueCodec.write(values)
	writeKey, writeValue := keyCodec.write(pairs.Child(0)), valueCodec.write(pairs.Child(1))
	var to, keys []uint32
	for key := range before.Length {
		m := fields(key).(*MapState[K, V])
		start, end := rangeOf(before, key)
		here := m.of == place{true, slot, key}
		whole := !here && end > start
		if here && !m.touched() {
			continue
		}
		for _, name := range m.sorted() {
			switch entry := m.entries[name]; {
			case whole && entry.there:
				writeKey(name)
				writeValue(entry.value)
				pairs.AppendNested()
			case whole:
			// What came from elsewhere is put as a whole.
			case entry.touched || (!here && entry.there):
				to = append(to, uint32(key))
				putKey(name)
				if entry.there {
					putValue(entry.value)
				} else {
					values.AppendNull()
				}
			}
		}
		if whole {
			keys = append(keys, uint32(key))
			written.AppendNested()
		}
	}
	if len(keys) > 0 {
		keyed.Write(slot, keys, NewColumn(written.Array()))
	}
	if len(to) > 0 {
		keyed.Put(slot, to, NewColumn(entries.Array()), NewColumn(values.Array()))
	}
}

func (m *MapState[K, V]) touched() bool {
	for _, entry := range m.entries {
		if entry.touched {
			return true
		}
	}
	return false
}
