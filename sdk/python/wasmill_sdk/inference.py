"""Models that the job granted, run by the host on the host's own columns."""

from collections.abc import Sequence
from functools import wraps

from .bindings import Err, inference
from .columns import Batch
from .data_types import Field, from_schema
from .errors import Failed, Invalid


def _told(call):
    """With the contract's errors as those of the SDK."""

    @wraps(call)
    def calling(*arguments):
        try:
            return call(*arguments)
        except Err as error:
            failed = isinstance(error.value, inference.InferenceError_Failed)
            raise (Failed if failed else Invalid)(error.value.value) from None

    return calling


class Model:
    """A model; `Model.open(name)` opens it by its name in the job."""

    def __init__(self, handle):
        self._handle = handle
        signature = handle.signature()
        self._inputs = from_schema(signature.inputs)
        self._outputs = from_schema(signature.outputs)

    @classmethod
    @_told
    def open(cls, name: str) -> "Model":
        """Raises `Invalid` where the job does not grant it."""
        return cls(inference.Model.open(name))

    @property
    def inputs(self) -> Sequence[Field]:
        """The features, by position."""
        return self._inputs

    @property
    def outputs(self) -> Sequence[Field]:
        """The columns of a prediction."""
        return self._outputs

    def version(self) -> str:
        """Changes whenever the model does."""
        return self._handle.version()

    @_told
    def predict(self, features: Batch) -> Batch:
        """Features to predictions, by position; a NULL is NaN to a model of floats. Nothing enters the
        guest. Raises `Invalid` for features that do not fit, `Failed` where the model did."""
        return Batch(self._handle.predict(features._handle), self._outputs)
