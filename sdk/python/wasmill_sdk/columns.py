"""Handles to columns and batches. Nothing is copied before it is read."""

from collections.abc import Callable, Iterable, Sequence

from .bindings import columns as wire
from .data_types import DataType, Field, from_schema, to_schema, type_from_wire
from .errors import ROW_ERRORS, Failed, RowError, Rows, described
from .read import read, read_plain
from .write import write


class Column:
    """One immutable column."""

    def __init__(self, handle, data_type: DataType | None = None):
        self._handle = handle
        self._data_type = data_type

    @classmethod
    def from_list(cls, data_type: DataType, values: Sequence) -> "Column":
        """A column of these values, None for NULL. Raises `Rows` for those that do not fit."""
        return cls(write(list(values), data_type), data_type)

    @property
    def data_type(self) -> DataType:
        """Raises TypeError for a struct that came without a batch: its fields have no names."""
        if self._data_type is None:
            self._data_type = _type_of(self._handle)
        return self._data_type

    def __len__(self) -> int:
        return self._handle.length()

    def null_count(self) -> int:
        return self._handle.null_count()

    def to_list(self) -> list:
        """The values, None for NULL. Raises `Rows` where Python has no such value."""
        return read(self._handle, self.data_type)


class Batch:
    """Columns of one length. It lives as long as the call that it was given to."""

    def __init__(self, handle, fields: Sequence[Field] | None = None):
        self._handle = handle
        self._fields = fields

    @classmethod
    def from_columns(cls, fields: Iterable[Field], columns: Iterable[Column], rows: int) -> "Batch":
        """Of columns of `rows` rows, which are the batch's own from then on."""
        fields = list(fields)
        handles = [column._handle for column in columns]
        return cls(wire.Batch(to_schema(fields), handles, rows), fields)

    @classmethod
    def from_lists(cls, fields: Iterable[Field], values: Iterable[Sequence], rows: int) -> "Batch":
        """Of a list of values a field."""
        fields = list(fields)
        pairs = zip(fields, values, strict=True)
        columns = [Column.from_list(field.data_type, items) for field, items in pairs]
        return cls.from_columns(fields, columns, rows)

    @property
    def fields(self) -> Sequence[Field]:
        if self._fields is None:
            self._fields = from_schema(self._handle.schema())
        return self._fields

    def __len__(self) -> int:
        """How many rows it has."""
        return self._handle.rows()

    def column(self, index: int) -> Column:
        """A handle to a column. An index past the end ends the call."""
        return Column(self._handle.column(index), self.fields[index].data_type)

    def to_list(self, index: int) -> list:
        """`column(index).to_list()`, without a handle where there need be none."""
        data_type = self.fields[index].data_type
        if not data_type.children:
            values = read_plain(self._handle.read(index), data_type)
            if values is not None:
                return values
        return self.column(index).to_list()

    def project(self, indices: Sequence[int]) -> "Batch":
        """A batch of some of the columns; nothing is copied."""
        fields = [self.fields[index] for index in indices]
        return Batch(self._handle.project(list(indices)), fields)

    def map(self, data_type: DataType, call: Callable) -> Column:
        """The column of what `call` gives for the arguments of each row; NULL, without a call, where
        one of them is. Errors are those of rows, as in `@scalar`."""
        lists = [self.to_list(index) for index in range(len(self.fields))]
        required = [True] * len(lists)
        results, errors = call_rows(call, lists, required, len(self))
        return finish(results, errors, data_type)


def call_rows(
    call: Callable, lists: list[list], required: list[bool], rows: int, may_return_none: bool = True
) -> tuple[list, list[RowError]]:
    """What `call` gives for each row, None where a required argument is, and the rows that failed."""
    asked = [values for values, must in zip(lists, required) if must and None in values]
    errors = []
    if asked:
        wanted = [None not in row for row in zip(*asked)]
        lists = [[v for v, want in zip(values, wanted) if want] for values in lists]
        results = _call_all(call, lists, sum(wanted), errors)
        numbers = [row for row, want in enumerate(wanted) if want]
        for error in errors:
            error.row = numbers[error.row]
        given = iter(results)
        results = [next(given) if want else None for want in wanted]
        nulls = len(wanted) - sum(wanted)
    else:
        results = _call_all(call, lists, rows, errors)
        nulls = 0
    if not may_return_none and results.count(None) > nulls + len(errors):
        raise Failed("the function returned None, which its annotation does not have")
    return results, errors


def _call_all(call, lists, rows, errors):
    calls = map(call, *lists) if lists else (call() for _ in range(rows))
    results = []
    while len(results) < rows:
        try:
            # What came before an error stays in the list, and `map` goes on behind it.
            results.extend(calls)
        except ROW_ERRORS as error:
            errors.append(RowError(described(error), len(results)))
            results.append(None)
            if not lists:
                calls = (call() for _ in range(rows - len(results)))
            continue
        if len(results) < rows:
            raise RuntimeError("the function raised StopIteration")
    return results


def finish(results: list, errors: list[RowError], data_type: DataType) -> Column:
    """The column of the results, or all rows that have none."""
    try:
        column = Column.from_list(data_type, results)
    except Rows as error:
        raise Rows(errors + error.errors) from None
    if errors:
        raise Rows(errors)
    return column


def _type_of(handle) -> DataType:
    case = handle.data_type()
    match case:
        case wire.DataType_List() | wire.DataType_FixedSizeList():
            children = [Field("item", _type_of(handle.child(0)))]
        case wire.DataType_Struct():
            raise TypeError("the fields of this struct are known only to its batch")
        case _:
            children = []
    return type_from_wire(case, children)
