package wasmill

import "slices"

// ListState is items of a key, in the order in which they were pushed: a field of a state. The host is handed
// what was pushed, or all of them where something else was done.
type ListState[T any] struct {
	items []T
	// of is where the first `kept` of them come from.
	of   place
	kept int
}

// Len is how many items there are.
func (l *ListState[T]) Len() int { return len(l.items) }

// At is an item, counted from 0.
func (l *ListState[T]) At(index int) T { return l.items[index] }

// Items are all of them, which must not be changed: Set does.
func (l *ListState[T]) Items() []T { return slices.Clip(l.items) }

// Push appends items.
func (l *ListState[T]) Push(items ...T) { l.items = append(l.items, items...) }

// Set puts other items in the place of all.
func (l *ListState[T]) Set(items []T) { *l = ListState[T]{items: items} }

// Clear removes all items.
func (l *ListState[T]) Clear() { *l = ListState[T]{} }

// Take removes all items and gives them.
func (l *ListState[T]) Take() []T {
	items := l.items
	l.Clear()
	return items
}

func (*ListState[T]) slot() Slot { return Slot{Kind: ListSlot, Value: codecOf[T]().dataType} }

func (l *ListState[T]) load(before *Array, at place) {
	c := codecOf[T]()
	items := before.Children[0]
	read := c.read(items)
	start, end := rangeOf(before, at.key)
	l.of, l.kept = at, end-start
	for item := start; item < end; item++ {
		if c.takesNull || !items.IsNull(item) {
			l.items = append(l.items, read(item))
		}
	}
}

func (l *ListState[T]) copyOf(other any) {
	from := other.(*ListState[T])
	*l = *from
	l.items = make([]T, len(from.items))
	for i, item := range from.items {
		l.items[i] = separateAs(item)
	}
}

func (*ListState[T]) write(keyed *Keyed, slot int, before *Array, fields func(key int) any) {
	c := codecOf[T]()
	appended, written := NewBuilder(c.dataType), NewBuilder(before.DataType)
	appendItem, writeItem := c.write(appended), c.write(written.Child(0))
	var to, keys []uint32
	for key := range before.Length {
		l := fields(key).(*ListState[T])
		start, end := rangeOf(before, key)
		had := end - start
		kept := 0
		if l.of == (place{true, slot, key}) && l.kept == had {
			kept = had
		} else if had > 0 {
			keys = append(keys, uint32(key))
			for _, item := range l.items {
				writeItem(item)
			}
			written.AppendNested()
			continue
		}
		for _, item := range l.items[min(kept, len(l.items)):] {
			to = append(to, uint32(key))
			appendItem(item)
		}
	}
	if len(keys) > 0 {
		keyed.Write(slot, keys, NewColumn(written.Array()))
	}
	if len(to) > 0 {
		keyed.Append(slot, to, NewColumn(appended.Array()))
	}
}
