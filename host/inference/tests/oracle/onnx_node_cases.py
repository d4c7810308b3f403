"""Writes the node cases and the shipped models of the `onnx` package, and what ONNX Runtime answers.

usage: onnx_node_cases.py FOLDER

FOLDER gets `cases.bin`, little-endian, and the models that it names. A text is u32 length and bytes;
a case is
  text group, text name, text reason: why there is no answer, or empty;
  if it is empty: the inputs, then the outputs, each preceded by their number (u32).
A value is
  text name, u8 kind (0 tensor, 1 sequence, then u32 length), then so many tensors: the number of the
  element as TensorProto has it (u8), u32 rank, u64 sizes, and the elements; a string is a text.
A sequence's element and rank are in front of its length, as it may be empty.
The file ends with the group "end".

The intra-op threads are one, as a model of wasmill has it: several may add in another order.
"""

import ctypes
import struct
import sys
import warnings
from pathlib import Path

import ml_dtypes
import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

# That this ONNX Runtime reads.
NEWEST_IR_VERSION = 13
DATA = Path(onnx.__file__).parent / "backend/test/data"


class Unsupported(Exception):
    """Why a case has no answer."""


def text(value):
    encoded = value if isinstance(value, bytes) else str(value).encode()
    return struct.pack("<I", len(encoded)) + encoded


def element_of(array):
    if array.dtype.kind in "OUST":
        return TensorProto.STRING
    return helper.np_dtype_to_tensor_dtype(array.dtype)


def pack_tensor(array):
    array = numpy.asarray(array)
    element = element_of(array)
    out = struct.pack("<BI", element, array.ndim) + struct.pack(f"<{array.ndim}Q", *array.shape)
    if element == TensorProto.STRING:
        return out + b"".join(text(item) for item in array.ravel())
    return out + numpy.ascontiguousarray(array).tobytes()


def pack_value(name, value, kind):
    if not isinstance(value, list):
        return text(name) + struct.pack("<B", 0) + pack_tensor(value)
    tensors = [numpy.asarray(tensor) for tensor in value]
    if tensors:
        element, rank = element_of(tensors[0]), tensors[0].ndim
    else:
        element, rank = element_of(numpy.zeros(0, kind)), 1
    head = struct.pack("<BBII", 1, element, rank, len(tensors))
    return text(name) + head + b"".join(pack_tensor(tensor) for tensor in tensors)


def sequence_dtype(declared):
    inner = declared.removeprefix("seq(tensor(").removesuffix("))")
    return {"float": "float32", "double": "float64"}.get(inner, inner)


def refuse_types(values):
    """Values that no column carries."""
    for value in values:
        if value.type.startswith("optional"):
            raise Unsupported("optional values")
        element = value.type.removeprefix("seq(").removeprefix("tensor(").rstrip(")")
        if element.startswith(("float8", "float4", "complex")) or element in ("int4", "uint4", "int2", "uint2"):
            raise Unsupported("elements without a type in Arrow")


REASONS = [
    ("ValidateOpset", "a newer opset"),
    ("is not a registered function/op", "an operator that it does not know"),
    ("NOT_IMPLEMENTED", "no kernel for the operator's version or types"),
    ("INVALID_GRAPH", "it takes the graph for invalid"),
    ("Type Error", "it takes the graph for invalid"),
    ("Exception during initialization", "a kernel refuses its attributes"),
    ("while running", "a kernel refuses its inputs"),
]


def reason_of(error):
    """The kind of an error of ONNX Runtime."""
    found = [reason for part, reason in REASONS if part in str(error)]
    return "ONNX Runtime: " + (found[0] if found else str(error)[:200])


def array_of(value):
    """A tensor that the package gives as a number or as a message."""
    if isinstance(value, list):
        return [array_of(item) for item in value]
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else numpy.asarray(value)


def run(session, feeds):
    """NumPy has no bfloat16, so that ONNX Runtime takes those otherwise."""
    if all(isinstance(value, list) or value.dtype != ml_dtypes.bfloat16 for value in feeds.values()):
        return session.run(None, feeds)
    of_numpy = onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type
    values = {name: of_numpy(numpy.ascontiguousarray(value), element_of(value)) for name, value in feeds.items()}
    binding = session.io_binding()
    for name, value in values.items():
        binding.bind_ortvalue_input(name, value)
    for value in session.get_outputs():
        binding.bind_output(value.name)
    session.run_with_iobinding(binding)
    return [array_of_ort(value) for value in binding.get_outputs()]


def array_of_ort(value):
    if value.element_type() != TensorProto.BFLOAT16:
        return value.numpy()
    size = int(numpy.prod(value.shape()))
    raw = (ctypes.c_uint16 * size).from_address(value.data_ptr()) if size else []
    return numpy.array(raw, "uint16").view(ml_dtypes.bfloat16).reshape(value.shape())


def answer(model, inputs):
    if b"StringNormalizer" in model:
        raise Unsupported("a locale that not every machine has")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Unsupported(reason_of(error)) from error
    if not session.get_inputs():
        raise Unsupported("no input, so no row")
    refuse_types(session.get_inputs() + session.get_outputs())
    if any(value is None for value in inputs):
        raise Unsupported("optional values")
    inputs = [array_of(value) for value in inputs]
    graph = onnx.load_from_string(model).graph
    names = [value.name for value in graph.input]
    if len(inputs) < len(names):
        weights = {tensor.name for tensor in graph.initializer}
        names = [name for name in names if name not in weights]
    given = dict(zip(names, inputs))
    feeds = {value.name: given[value.name] for value in session.get_inputs()}
    try:
        outputs = run(session, feeds)
    except Exception as error:
        raise Unsupported(reason_of(error)) from error
    if any(output is None for output in outputs):
        raise Unsupported("an output that is absent")
    taken = [pack_value(value.name, feeds[value.name], sequence_dtype(value.type)) for value in session.get_inputs()]
    made = [pack_value(value.name, output, sequence_dtype(value.type))
            for value, output in zip(session.get_outputs(), outputs)]
    return struct.pack("<I", len(taken)) + b"".join(taken) + struct.pack("<I", len(made)) + b"".join(made)


def load_value(path, kind):
    proto = {"tensor_type": onnx.TensorProto, "sequence_type": onnx.SequenceProto,
             "optional_type": onnx.OptionalProto}[kind]()
    proto.ParseFromString(path.read_bytes())
    if kind == "sequence_type":
        return numpy_helper.to_list(proto)
    if kind == "optional_type":
        return numpy_helper.to_optional(proto)
    return numpy_helper.to_array(proto)


def shipped_inputs(model, folder):
    names = enumerate(model.graph.input)
    return [load_value(folder / f"input_{place}.pb", value.type.WhichOneof("value"))
            for place, value in names if (folder / f"input_{place}.pb").exists()]


def light_inputs(model):
    """As onnx makes them: rising numbers."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    arrays = []
    for value in inputs:
        shape = [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        count = int(numpy.prod(shape))
        arrays.append((numpy.arange(count).reshape(shape) / count).astype("float32"))
    return arrays


def cases():
    for case in collect_testcases(None):
        for place, (inputs, _) in enumerate(case.data_sets):
            name = case.name if place == 0 else f"{case.name}-{place}"
            # What is in the model does not hang on the version of the format.
            case.model.ir_version = min(case.model.ir_version, NEWEST_IR_VERSION)
            yield "node", name, case.model.SerializeToString(), inputs
    for group in ("simple", "pytorch-converted", "pytorch-operator"):
        for folder in sorted((DATA / group).iterdir()):
            bytes_ = (folder / "model.onnx").read_bytes()
            model = onnx.load_from_string(bytes_)
            for data in sorted(folder.glob("test_data_set_*")):
                yield group, f"{folder.name}-{data.name}", bytes_, shipped_inputs(model, data)
    for path in sorted((DATA / "light").glob("*.onnx")):
        yield "light", path.stem, path.read_bytes(), light_inputs(onnx.load(path))


def main():
    warnings.simplefilter("ignore")
    onnxruntime.set_default_logger_severity(4)
    folder = Path(sys.argv[1])
    with open(folder / "cases.bin", "wb") as out:
        for group, name, model, inputs in cases():
            out.write(text(group) + text(name))
            try:
                packed = answer(model, inputs)
            except Unsupported as reason:
                out.write(text(reason))
                continue
            out.write(text("") + packed)
            (folder / f"{name}.onnx").write_bytes(model)
        out.write(text("end"))


if __name__ == "__main__":
    main()
