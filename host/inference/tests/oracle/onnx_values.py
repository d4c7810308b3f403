"""Builds ONNX models whose inputs and outputs are of all kinds.

usage: onnx_values.py FOLDER
"""

import sys
from pathlib import Path

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def tensor(name, element, *shape):
    return helper.make_tensor_value_info(name, element, shape)


def of_maps(name, key):
    maps = helper.make_map_type_proto(key, helper.make_tensor_type_proto(FLOAT, []))
    return helper.make_value_info(name, helper.make_sequence_type_proto(maps))


def save(folder, name, nodes, inputs, outputs, **constants):
    initializers = [numpy_helper.from_array(array, key) for key, array in constants.items()]
    graph = helper.make_graph(nodes, name, inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / f"{name}.onnx")


def ml(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs, outputs, domain="ai.onnx.ml", **attributes)


def maps(folder):
    """What scikit-learn's exporters put behind a classifier."""
    for name, labels in (("integers", {"classlabels_int64s": [10, 2, 1]}), ("strings", {"classlabels_strings": ["no", "yes", "maybe"]})):
        key = INT64 if name == "integers" else STRING
        nodes = [ml("ZipMap", ["x"], ["probabilities"], **labels), helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0)]
        outputs = [tensor("label", INT64, "N"), of_maps("probabilities", key)]
        save(folder, f"zipmap_{name}", nodes, [tensor("x", FLOAT, "N", 3)], outputs)
    words = helper.make_value_info("words", helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(FLOAT, [])))
    node = ml("DictVectorizer", ["words"], ["y"], string_vocabulary=["a", "b", "c"])
    save(folder, "dict_vectorizer", [node], [words], [tensor("y", FLOAT, 1, 3)])


def strings(folder):
    node = ml("LabelEncoder", ["x"], ["y"], keys_strings=["red", "green", "blue"], values_int64s=[1, 2, 3], default_int64=-1)
    save(folder, "strings", [node], [tensor("x", STRING, "N", 2)], [tensor("y", INT64, "N", 2)])
    node = helper.make_node("Identity", ["x"], ["y"])
    save(folder, "text", [node], [tensor("x", STRING, "N")], [tensor("y", STRING, "N")])


def elements(folder):
    """Each element as it comes."""
    names = ["float16", "bfloat16", "float", "double", "int8", "int16", "int32", "int64",
             "uint8", "uint16", "uint32", "uint64", "bool"]
    numbers = [getattr(TensorProto, name.upper()) for name in names]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name in names]
    inputs = [tensor(name, number, "N") for name, number in zip(names, numbers)]
    outputs = [tensor(f"{name}_out", number, "N") for name, number in zip(names, numbers)]
    save(folder, "elements", nodes, inputs, outputs)


def shapes(folder):
    nodes = [helper.make_node("Transpose", ["x"], ["y"], perm=[0, 2, 1]),
             helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=0)]
    save(folder, "matrices", nodes, [tensor("x", FLOAT, "N", "height", "width")],
         [tensor("y", FLOAT, "N", "width", "height"), tensor("sum", FLOAT, "N")], axes=numpy.array([1, 2]))
    for rows in (1, 4, 1 << 40):
        node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=0)
        save(folder, f"rows{rows}", [node], [tensor("x", FLOAT, rows, 2)], [tensor("y", FLOAT, rows)], axes=numpy.array([1]))
    node = helper.make_node("Add", ["a", "b"], ["y"])
    save(folder, "rows_of_two_minds", [node], [tensor("a", FLOAT, 3, 1), tensor("b", FLOAT, 1, 1)], [tensor("y", FLOAT, 3, 1)])
    node = helper.make_node("Concat", ["x", "x"], ["y"], axis=0)
    save(folder, "twice", [node], [tensor("x", FLOAT, "N")], [tensor("y", FLOAT, "M")])
    node = helper.make_node("ReduceSum", ["x"], ["y"], keepdims=1)
    save(folder, "one_for_all", [node], [tensor("x", FLOAT, "N")], [tensor("y", FLOAT, 1)])
    nodes = [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0), helper.make_node("Shape", ["x"], ["length"]),
             helper.make_node("TopK", ["x", "length"], ["sorted", "places"], axis=0)]
    outputs = [tensor("sum", FLOAT), tensor("sorted", FLOAT, "N")]
    save(folder, "whole", nodes, [tensor("x", FLOAT, "N")], outputs)
    parts = helper.make_value_info("parts", helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, ["M"])))
    node = helper.make_node("SplitToSequence", ["x", "two"], ["parts"], axis=0)
    save(folder, "sequence", [node], [tensor("x", FLOAT, "N")], [parts], two=numpy.array(2))


def weights(folder):
    """Two layers of 8 MiB."""
    random = numpy.random.default_rng(3)
    layers = {f"w{place}": random.normal(size=(1448, 1448)).astype("float32") / 38 for place in range(2)}
    nodes = [helper.make_node("Expand", ["x", "shape"], ["wide"]), helper.make_node("MatMul", ["wide", "w0"], ["h"]),
             helper.make_node("Tanh", ["h"], ["t"]), helper.make_node("MatMul", ["t", "w1"], ["s"]),
             helper.make_node("ReduceMax", ["s"], ["y"], axes=[1], keepdims=1)]
    save(folder, "weights", nodes, [tensor("x", FLOAT, "N", 1)], [tensor("y", FLOAT, "N", 1)], shape=numpy.array([1, 1448]), **layers)


def threads(folder):
    """Branches that take 64 MiB each, for threads of the session to compute."""
    nodes, names = [], []
    for place in range(4):
        nodes += [helper.make_node("Expand", ["x", "shape"], [f"wide{place}"]), helper.make_node("Exp", [f"wide{place}"], [f"e{place}"]),
                  helper.make_node("ReduceMax", [f"e{place}"], [f"m{place}"], axes=[1], keepdims=1)]
        names.append(f"m{place}")
    nodes.append(helper.make_node("Sum", names, ["y"]))
    save(folder, "branches", nodes, [tensor("x", FLOAT, "N", 1)], [tensor("y", FLOAT, "N", 1)], shape=numpy.array([1, 1 << 24]))


def main():
    folder = Path(sys.argv[1])
    for build in (maps, strings, elements, shapes, weights, threads):
        build(folder)


if __name__ == "__main__":
    main()
