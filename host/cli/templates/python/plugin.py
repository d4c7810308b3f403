"""Functions for wasmill."""

from wasmill_sdk import scalar


@scalar
def greet(name: str) -> str:
    """Says hello."""
    return f"Hello, {name}!"
