package wasmill

import "fmt"

// Clock says which time a timer waits for.
type Clock uint8

const (
	// EventTime is the watermark.
	EventTime Clock = iota
	// ProcessingTime is the machine's clock.
	ProcessingTime
)

// Keyed is the keys of a call, numbered from 0, with their state in the host. What a call changes is
// there from the next call on, and only if this one gives no error. It is good for the call.
type Keyed struct {
	*handle
	slots     []Slot
	broadcast []Field
	// Asked for once.
	keys      *Batch
	numbers   []uint32
	times     []int64
	hasTimes  bool
	watermark *Null[int64]
	now       *int64
}

func lentKeyed(id uint32, slots []Slot, broadcast []Field) *Keyed {
	return &Keyed{handle: own(id, hostDropKeyed), slots: slots, broadcast: broadcast}
}

// Keys are the columns of PARTITION BY, one row a key; nothing is copied.
func (k *Keyed) Keys() *Batch {
	if k.keys == nil {
		id := hostKeyedKeys(k.id)
		k.keys = &Batch{own(id, hostDropBatch), hostBatchFields(id), int(hostBatchRows(id))}
	}
	return k.keys
}

// Numbers are of each row or timer the number of its key.
func (k *Keyed) Numbers() []uint32 {
	if k.numbers == nil {
		k.numbers = hostKeyedNumbers(k.id)
	}
	return k.numbers
}

// Times are those of each row or timer, in milliseconds since 1970; nil where the job gives none.
func (k *Keyed) Times() []int64 {
	if k.hasTimes {
		return k.times
	}
	k.hasTimes = true
	if id, ok := hostKeyedTimes(k.id); ok {
		column := &Column{own(id, hostDropColumn), Type(Int64)}
		k.times = column.Read().Items.([]int64)
	}
	return k.times
}

// Watermark: all rows up to this time have come, in milliseconds since 1970; none before the first rows.
// [math.MaxInt64] once all rows of a table with an end have come.
func (k *Keyed) Watermark() Null[int64] {
	if k.watermark == nil {
		watermark := hostKeyedWatermark(k.id)
		k.watermark = &watermark
	}
	return *k.watermark
}

// Now is the machine's clock as the call began, in milliseconds since 1970.
func (k *Keyed) Now() int64 {
	if k.now == nil {
		now := hostKeyedNow(k.id)
		k.now = &now
	}
	return *k.now
}

// Read is what each key has, one row a key: of a value slot the value or NULL, of a list slot a list, of
// a map slot a list of structs of `key` and `value`, ordered by key.
func (k *Keyed) Read(slot int) *Column {
	return &Column{own(hostKeyedRead(k.id, uint32(slot)), hostDropColumn), k.slots[slot].dataType()}
}

// Lookup is, of a map slot, for each row the value that the key keys[row] has under entries[row], or NULL.
func (k *Keyed) Lookup(slot int, keys []uint32, entries *Column) *Column {
	id := hostKeyedLookup(k.id, uint32(slot), keys, entries.id)
	return &Column{own(id, hostDropColumn), k.slots[slot].Value}
}

// Write replaces all that these keys have, with rows of the type that Read gives; NULL, or an empty list,
// is nothing.
func (k *Keyed) Write(slot int, keys []uint32, values *Column) {
	hostKeyedWrite(k.id, uint32(slot), keys, values.id)
}

// Append appends an item each to lists.
func (k *Keyed) Append(slot int, keys []uint32, items *Column) {
	hostKeyedAppend(k.id, uint32(slot), keys, items.id)
}

// Put puts an entry each into maps; one whose value is NULL is removed.
func (k *Keyed) Put(slot int, keys []uint32, entries, values *Column) {
	hostKeyedPut(k.id, uint32(slot), keys, entries.id, values.id)
}

// SetTimers sets a timer for each of these keys, in milliseconds since 1970. A key has one of a name: it
// replaces the one before, of whichever clock.
func (k *Keyed) SetTimers(clock Clock, name string, keys []uint32, at []int64) {
	if len(keys) != len(at) {
		panic(fmt.Sprintf("wasmill: %d timers are set for %d keys", len(at), len(keys)))
	}
	hostKeyedSetTimers(k.id, clock, name, keys, at)
}

// ClearTimers has these keys' timers of a name not fire.
func (k *Keyed) ClearTimers(name string, keys []uint32) { hostKeyedClearTimers(k.id, name, keys) }

// Broadcast is the rows of the broadcast table that have come, the same for all keys; nothing is copied.
func (k *Keyed) Broadcast() *Batch {
	id := hostKeyedBroadcast(k.id)
	return &Batch{own(id, hostDropBatch), k.broadcast, int(hostBatchRows(id))}
}

// BroadcastVersion is another number whenever there are other rows.
func (k *Keyed) BroadcastVersion() uint64 { return hostKeyedBroadcastVersion(k.id) }
