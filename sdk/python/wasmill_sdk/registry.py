"""The functions that a plugin offers: those of all modules that it imports."""

from copy import copy

from .errors import Invalid
from .function import Function

_functions: list = []


def register(function) -> None:
    """Offers a function: a class of one by hand, or a typed one."""
    _functions.append(function)


def plugin(*functions: type[Function]):
    """Offers functions by hand; also a decorator of their classes. The host refuses a plugin with two
    functions of one name."""
    for function in functions:
        if not isinstance(function, type) or not issubclass(function, Function):
            raise TypeError(f"{function!r} is no class of a function")
        register(function)
    return functions[0] if len(functions) == 1 else None


def functions(kind: type[Function]) -> list:
    """Those of a kind, by name."""
    found = [
        function
        for function in _functions
        if isinstance(function, kind) or (isinstance(function, type) and issubclass(function, kind))
    ]
    return sorted(found, key=lambda function: function.signature().name)


def find(kind: type[Function], name: str) -> Function:
    """A function that is not opened yet, each time another. Raises `Invalid` where there is none."""
    for function in functions(kind):
        if function.signature().name == name:
            return function() if isinstance(function, type) else copy(function)
    raise Invalid(f"this plugin has no function '{name}'")
