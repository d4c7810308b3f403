"""Builds small ONNX models, and writes what ONNX Runtime predicts in Python.

usage: onnx_models.py FOLDER

For each case NAME, FOLDER gets `NAME.onnx` and `NAME.bin`, little-endian: the input columns, then
the output columns, each preceded by their number (u32). A column is
  u32 length and bytes of its name, u8 type (0 f32, 1 f64, 2 i32, 3 i64, 4 bool, 5 string),
  u32 width (0: a scalar column, else lists of that many items), u32 rows,
  then rows x max(width, 1) values; a string is u32 length and bytes, a bool is u8.
`zipmap.onnx` has no `.bin`: it gives a sequence of maps. The seeds are fixed.
"""

import struct
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS = 23
TYPES = [numpy.dtype(name) for name in ("float32", "float64", "int32", "int64", "bool", "object")]
ELEMENTS = [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.INT64,
            TensorProto.BOOL, TensorProto.STRING]


def value(name, element, *shape):
    return helper.make_tensor_value_info(name, element, ["N", *shape])


def save(folder, name, nodes, inputs, outputs, constants=None):
    initializers = [numpy_helper.from_array(array, key) for key, array in (constants or {}).items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


def pack_columns(columns):
    out = struct.pack("<I", len(columns))
    for name, array in columns:
        width = 0 if array.ndim == 1 else int(numpy.prod(array.shape[1:]))
        encoded = name.encode()
        out += struct.pack("<I", len(encoded)) + encoded
        out += struct.pack("<BII", TYPES.index(array.dtype), width, len(array))
        if array.dtype == object:
            for text in array.ravel():
                out += struct.pack("<I", len(text.encode())) + text.encode()
        else:
            out += array.tobytes()
    return out


def case(folder, name, path, feeds, columns=None):
    """Runs a model on `feeds`; `columns` are the columns of the job, where they differ."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    results = session.run(None, feeds)
    outputs = []
    for output, array in zip(session.get_outputs(), results):
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        outputs.append((output.name, array))
    columns = columns or list(feeds.items())
    (folder / f"{name}.bin").write_bytes(pack_columns(columns) + pack_columns(outputs))


def mlp(folder, seed):
    """A matrix of features, from one column each; two outputs."""
    random = numpy.random.default_rng(seed)
    element = seed % 2
    dtype = TYPES[element]
    features, hidden, classes = (int(size) for size in random.integers(2, 12, 3))
    weights = {
        "w1": random.normal(size=(features, hidden)).astype(dtype),
        "b1": random.normal(size=hidden).astype(dtype),
        "w2": random.normal(size=(hidden, classes)).astype(dtype),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["m1"]),
        helper.make_node("Add", ["m1", "b1"], ["a1"]),
        helper.make_node("Relu", ["a1"], ["h1"]),
        helper.make_node("MatMul", ["h1", "w2"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    inputs = [value("x", ELEMENTS[element], features)]
    outputs = [value("label", TensorProto.INT64), value("probabilities", ELEMENTS[element], classes)]
    path = save(folder, f"mlp{seed}", nodes, inputs, outputs, weights)
    data = random.normal(size=(ROWS, features))
    data[random.random(data.shape) < 0.05] = numpy.nan
    data[random.random(data.shape) < 0.05] = numpy.inf
    columns = [(f"f{feature}", data[:, feature].copy()) for feature in range(features)]
    case(folder, f"mlp{seed}", path, {"x": data.astype(dtype)}, columns)


def scalars(folder):
    """One tensor of each type, of the shapes [N] and [N, 1]; they give themselves and a sum."""
    random = numpy.random.default_rng(7)
    names = ["a", "b", "c", "d", "e", "s"]
    arrays = [
        random.normal(size=ROWS).astype("float32"), random.normal(size=ROWS),
        random.integers(-9, 9, ROWS).astype("int32"), random.integers(-(2**60), 2**60, ROWS),
        random.random(ROWS) < 0.5, numpy.array(["", "é", "word", "two words"] * 6, object)[:ROWS],
    ]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in names]
    for column in (False, True):
        shape = [1] if column else []
        inputs = [value(name, element, *shape) for name, element in zip(names, ELEMENTS)]
        outputs = [value(f"{name}_out", element, *shape) for name, element in zip(names, ELEMENTS)]
        title = f"scalars{int(column)}"
        path = save(folder, title, nodes, inputs, outputs)
        feeds = {name: array.reshape(-1, 1) if column else array for name, array in zip(names, arrays)}
        # The columns come in another order than the tensors: the names bind them.
        case(folder, title, path, feeds, list(zip(names, arrays))[::-1])


def lists(folder):
    random = numpy.random.default_rng(8)
    kernel = {"k": random.normal(size=(2, 1, 3, 3)).astype("float32")}
    nodes = [
        helper.make_node("Conv", ["image", "k"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["c"], ["features"]),
        helper.make_node("Mul", ["ids", "ids"], ["squares"]),
    ]
    inputs = [value("image", TensorProto.FLOAT, 1, 4, 4), value("ids", TensorProto.INT64, "width")]
    outputs = [value("features", TensorProto.FLOAT, 32), value("squares", TensorProto.INT64, "width")]
    path = save(folder, "lists", nodes, inputs, outputs, kernel)
    image = random.normal(size=(ROWS, 1, 4, 4)).astype("float32")
    ids = random.integers(-9, 9, (ROWS, 5))
    case(folder, "lists", path, {"image": image, "ids": ids})


def trees(folder):
    node = helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1,
        nodes_treeids=[0, 0, 0], nodes_nodeids=[0, 1, 2], nodes_featureids=[1, 0, 0],
        nodes_modes=["BRANCH_LEQ", "LEAF", "LEAF"], nodes_values=[0.25, 0.0, 0.0],
        nodes_truenodeids=[1, 0, 0], nodes_falsenodeids=[2, 0, 0],
        target_treeids=[0, 0], target_nodeids=[1, 2], target_ids=[0, 0], target_weights=[1.5, -2.0])
    path = save(folder, "trees", [node], [value("x", TensorProto.FLOAT, 2)], [value("y", TensorProto.FLOAT, 1)])
    data = numpy.random.default_rng(9).integers(-2, 3, (ROWS, 2))
    columns = [("first", data[:, 0].copy()), ("second", data[:, 1].copy())]
    case(folder, "trees", path, {"x": data.astype("float32")}, columns)


def zipmap(folder):
    node = helper.make_node("ZipMap", ["x"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    maps = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, [])))
    outputs = [helper.make_value_info("probabilities", maps)]
    save(folder, "zipmap", [node], [value("x", TensorProto.FLOAT, 2)], outputs)


def main():
    folder = Path(sys.argv[1])
    for seed in range(24):
        mlp(folder, seed)
    scalars(folder)
    lists(folder)
    trees(folder)
    zipmap(folder)


if __name__ == "__main__":
    main()
