"""A host in memory for process functions: it has the state of keys, and tells what it was handed."""

from wasmill_sdk import Batch, Column, DataType, Field, exports, native
from wasmill_sdk.data_types import from_schema, to_schema

TIMERS = [Field("name", DataType.Utf8), Field("at", DataType.Int64)]


class Host:
    """A function that is opened, and what its keys have."""

    def __init__(self, name, fields, broadcast=()):
        self.fields = fields
        self.function = exports.OpenedProcess.open(name, native.OpenContext([], to_schema(fields)))
        self.slots = self.function.slots()
        self.state = [{} for _ in self.slots]
        self.table, self.version = [*broadcast], 1
        self.watermark = None
        self.handed = []

    def rows(self, keys, *lists, times=None):
        """What the function gives for rows of these keys, by side output: pairs of origin and row."""
        batch = Batch.from_lists(self.fields, lists, len(keys))._handle
        return self.call(self.function.batch_eval, batch, keys, times)

    def timers(self, keys, names, at):
        batch = Batch.from_lists(TIMERS, [names, at], len(keys))._handle
        return self.call(self.function.on_timers, batch, keys, at)

    def call(self, method, batch, keys, times):
        self.handed = []
        keyed = Keyed(self, keys, times)
        given = method(batch, keyed)
        for change in keyed.changes:
            change()
        outputs = {}
        for output in given:
            assert output.side not in outputs
            rows = Batch(output.rows)
            lists = [rows.to_list(index) for index in range(len(rows.fields))]
            origins = Column(output.origins, DataType.UInt32).to_list()
            outputs[output.side] = [(origin, row) for origin, *row in zip(origins, *lists)]
        return outputs


class Keyed:
    """`keyed` of the contract. What is changed counts when the call is over."""

    def __init__(self, host, keys, times):
        self.host = host
        self.names = sorted(set(keys))
        self._numbers = [self.names.index(key) for key in keys]
        self._times = times
        self.changes = []
        self.read_slots = []

    def keys(self):
        return Batch.from_lists([Field("k", DataType.Utf8)], [self.names], len(self.names))._handle

    def numbers(self):
        return self._numbers

    def times(self):
        return self._times and Column.from_list(DataType.Int64, self._times)._handle

    def watermark(self):
        return self.host.watermark

    def now(self):
        return 7

    def read(self, slot):
        assert slot not in self.read_slots, "a slot is read once a batch"
        self.read_slots.append(slot)
        kind = self.host.slots[slot].kind.name
        has = [self.host.state[slot].get(key) for key in self.names]
        if kind == "LIST":
            has = [items or [] for items in has]
        if kind == "MAP":
            has = [sorted((entries or {}).items()) for entries in has]
        return Column.from_list(self._type(slot), has)._handle

    def lookup(self, slot, keys, entries):
        key, value = self._fields(slot)
        state = self.host.state[slot]
        entries = Column(entries, key.data_type).to_list()
        found = [state.get(self.names[key], {}).get(entry) for key, entry in zip(keys, entries)]
        return Column.from_list(value.data_type, found)._handle

    def write(self, slot, keys, values):
        values = Column(values, self._type(slot)).to_list()
        self._say("write", slot, [*zip(keys, values)])

        def change():
            for key, value in zip(keys, values):
                if self.host.slots[slot].kind.name == "MAP":
                    value = {entry["key"]: entry["value"] for entry in value}
                self.host.state[slot][self.names[key]] = value

        self.changes.append(change)

    def append(self, slot, keys, items):
        items = Column(items, self._fields(slot)[0].data_type).to_list()
        self._say("append", slot, [*zip(keys, items)])

        def change():
            for key, item in zip(keys, items):
                self.host.state[slot].setdefault(self.names[key], []).append(item)

        self.changes.append(change)

    def put(self, slot, keys, entries, values):
        key_field, value_field = self._fields(slot)
        entries = Column(entries, key_field.data_type).to_list()
        values = Column(values, value_field.data_type).to_list()
        self._say("put", slot, [*zip(keys, entries, values)])

        def change():
            for key, entry, value in zip(keys, entries, values):
                has = self.host.state[slot].setdefault(self.names[key], {})
                has.pop(entry, None)
                if value is not None:
                    has[entry] = value

        self.changes.append(change)

    def set_timers(self, clock, name, keys, at):
        self._say("timer", clock.name.lower(), name, [*zip(keys, at)])

    def clear_timers(self, name, keys):
        self._say("no timer", name, keys)

    def broadcast(self):
        fields = from_schema(self.host.function.broadcast())
        lists = [[row[index] for row in self.host.table] for index in range(len(fields))]
        return Batch.from_lists(fields, lists, len(self.host.table))._handle

    def broadcast_version(self):
        return self.host.version

    def _fields(self, slot):
        return from_schema(self.host.slots[slot].columns)

    def _type(self, slot):
        fields = self._fields(slot)
        match self.host.slots[slot].kind.name:
            case "VALUE":
                return fields[0].data_type
            case "LIST":
                return DataType.List(fields[0])
        return DataType.List(DataType.Struct(fields))

    def _say(self, *what):
        self.host.handed.append(what)
