"""Why a function could not be opened, or failed; and how the contract says so."""

import traceback

from .bindings import Err, log, types

# What a function raises to fail one row, and no other.
ROW_ERRORS = (ValueError, ArithmeticError)


class RowError(ValueError):
    """What is wrong with a row. A function of one row leaves `row` out; `batch_eval` counts it from 0."""

    def __init__(self, message: str, row: int | None = None):
        super().__init__(message)
        self.message = message
        self.row = row


class Error(Exception):
    """What the contract has errors for."""


class Invalid(Error):
    """The job is wrong: a bad parameter, bad argument types."""


class Failed(Error):
    """The function itself failed."""


class Rows(Error):
    """These rows of a batch are bad; each `RowError` has its row."""

    def __init__(self, errors: list[RowError]):
        super().__init__("; ".join(f"row {error.row}: {error.message}" for error in errors))
        self.errors = errors


def described(error: BaseException) -> str:
    """The message of an error that a function raised, for the row that failed."""
    return str(error) or type(error).__name__


def to_wire(error: Exception) -> Err:
    """The contract's error. One that nobody foresaw is in the log with its place."""
    match error:
        case Err():
            return error
        case Invalid():
            return Err(types.Error_Invalid(str(error)))
        case Failed():
            return Err(types.Error_Failed(str(error)))
        case Rows():
            rows = sorted(error.errors, key=lambda error: error.row)
            return Err(types.Error_Rows([types.RowError(bad.row, bad.message) for bad in rows]))
        case RowError(row=int()):
            return Err(types.Error_Rows([types.RowError(error.row, error.message)]))
        case MemoryError():
            helps = "a higher 'limit.memory' helps, or a lower 'job.batch-rows'"
            return Err(types.Error_Failed(f"Python is out of memory: {helps}"))
    message = f"{type(error).__name__}: {error}".removesuffix(": ")
    log.log(log.Level.ERROR, f"{message} ({places(error)})")
    return Err(types.Error_Failed(message))


def places(error: Exception) -> str:
    """Where the plugin's own code raised an error, the innermost call first."""
    calls = [
        f"{code.co_filename.rpartition('/')[2]}:{line} in {code.co_qualname}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        for code in [frame.f_code]
        if "/wasmill_sdk/" not in code.co_filename
    ]
    return ", called at ".join(reversed(calls)) or "in wasmill_sdk"
