"""What a `@process` class keeps of each key: its fields, each a slot of the host's."""

import typing
from typing import Annotated, Any, ClassVar

from .annotations import field_of, without_none
from .data_types import nullable
from .errors import Failed, Rows
from .kept import LIST, MAP, Changes, Kept, List, Map, Ttl, Value
from .keyed import Keyed

_LAYOUT = "__wasmill_layout__"


def forget(state: Any) -> None:
    """Forgets all that is kept of a key: its fields are again what they are at first."""
    layout: Layout = getattr(type(state), _LAYOUT)
    state.__dict__.clear()
    state.__dict__.update(layout.defaults())


class Layout:
    """The fields of a class. It gets an `__init__` that takes them by name, all of them optional."""

    def __init__(self, state: type):
        if state.__init__ is not object.__init__:
            raise TypeError(f"{state.__name__} has defaults behind its fields, and no __init__ of its own")
        hints = typing.get_type_hints(state, include_extras=True)
        kept = [(name, hint) for name, hint in hints.items() if not _is_of_the_class(hint)]
        self.fields: list[Kept] = [_field(state, name, hint) for name, hint in kept]
        self._names = [field.name for field in self.fields]
        self._state = state

        def initialize(self, **fields):
            self.__dict__.update(layout.defaults())
            for name, value in fields.items():
                if name not in self.__dict__:
                    raise TypeError(f"{state.__name__} has no field '{name}'")
                self.__dict__[name] = value

        layout = self
        setattr(state, _LAYOUT, self)
        state.__init__ = initialize

    def defaults(self) -> dict[str, Any]:
        return {field.name: field.default() for field in self.fields}

    def read(self, keyed: Keyed) -> list[list]:
        """What keys had before the call: of each field a row a key."""
        keys = len(keyed.keys())
        before = []
        for field in self.fields:
            try:
                values = keyed.read(field.name).to_list()
            except Rows as error:
                raise Failed(f"the field '{field.name}': {error.errors[0].message}") from None
            if len(values) != keys:
                raise Failed("the host gave a state of another number of keys")
            before.append(values)
        return before

    def load(self, before: list[list], keys: int) -> list:
        """An instance a key."""
        columns = [field.loaded(had, slot) for slot, (field, had) in enumerate(zip(self.fields, before))]
        states = [object.__new__(self._state) for _ in range(keys)]
        names = self._names
        for state, *values in zip(states, *columns):
            state.__dict__.update(zip(names, values))
        return states

    def copy(self, state):
        made = object.__new__(self._state)
        had = state.__dict__
        made.__dict__.update({field.name: field.copy(had.get(field.name)) for field in self.fields})
        return made

    def check(self, before: list[list], key: int, state) -> None:
        """Raises `Rows` where a value has no room in its type, and `Failed` where it is of another."""
        for slot, (field, had) in enumerate(zip(self.fields, before)):
            field.check(slot, key, had[key], state.__dict__.get(field.name))

    def changes(self, before: list[list], states: list) -> Changes:
        """What has changed, of all keys in their order."""
        count = len(self._names)
        for state in states:
            if len(state.__dict__) > count:
                other = next(name for name in state.__dict__ if name not in self._names)
                raise Failed(f"'{other}' is no field of {self._state.__name__}: annotate it there")
        changes = Changes()
        for slot, (field, had) in enumerate(zip(self.fields, before)):
            fields = [state.__dict__.get(field.name) for state in states]
            field.add_changes(slot, had, fields, changes)
        return changes


def _is_of_the_class(hint: Any) -> bool:
    return hint is ClassVar or typing.get_origin(hint) is ClassVar


def _field(state: type, name: str, hint: Any) -> Kept:
    where = f"the field '{name}' of {state.__name__}"
    hint, said, ttl = _without_marks(hint)
    try:
        types = [nullable(field_of(name, of)).data_type for of in _members(hint, said)]
        if said == LIST:
            return List(name, *types, ttl)
        if said == MAP:
            return Map(name, *types, ttl)
        default = _default(state, name, without_none(hint)[1])
        return Value(name, *types, ttl, default)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where}: {error}") from None


def _without_marks(hint: Any):
    """An annotation, whether it is a list or a map of a key, and how long what was written lives."""
    said = ttl = None
    if typing.get_origin(hint) is Annotated:
        inner, *others = typing.get_args(hint)
        rest = []
        for other in others:
            if isinstance(other, Ttl):
                ttl = other.ttl
            elif other in (LIST, MAP):
                said = other
            else:
                rest.append(other)
        hint = Annotated[(inner, *rest)] if rest else inner
    return hint, said, ttl


def _members(hint: Any, said: str | None):
    if said is None:
        return [hint]
    members = typing.get_args(hint)
    if any(isinstance(member, typing.TypeVar) for member in members):
        raise TypeError("the types of its items are missing: ListState[str], MapState[str, int]")
    return members


def _default(state: type, name: str, optional: bool) -> Any:
    default = getattr(state, name, None)
    if optional and default is not None:
        raise TypeError("of a value that may be None nothing else is the default")
    if not optional and default is None:
        raise TypeError(f"it has no default: `{name}: int = 0`, or `int | None`")
    return default
