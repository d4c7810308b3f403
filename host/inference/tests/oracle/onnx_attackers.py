"""Builds ONNX models that never end, or want more memory than there is.

usage: onnx_attackers.py FOLDER

All are x float[N, 1] -> y float[N, 1]. Most of what they do depends on x, so that it cannot be done
when they are loaded.
"""

import sys
from pathlib import Path

import numpy
from onnx import TensorProto, helper

from onnx_models import save, value

MANY = numpy.array([100 << 28], "int64")


def model(folder, name, nodes, constants):
    save(folder, name, nodes, [value("x", TensorProto.FLOAT, 1)], [value("y", TensorProto.FLOAT, 1)], constants)


def endless_loop(folder):
    """A Loop whose condition stays true."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Add", ["state", "state"], ["sum"]),
            helper.make_node("Sub", ["sum", "state"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["N", 1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["N", 1]),
        ],
    )
    constants = {"most": numpy.array(2**62, "int64"), "go": numpy.array(True)}
    model(folder, "endless_loop", [helper.make_node("Loop", ["most", "go", "x"], ["y"], body=body)], constants)


def growing_loop(folder):
    """A Loop whose state doubles at each turn."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["go_on"]),
            helper.make_node("Concat", ["state", "state"], ["next"], axis=0),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["M", 1]),
        ],
        [
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, ["L", 1]),
        ],
    )
    constants = {"most": numpy.array(2**62, "int64"), "go": numpy.array(True), "zero": numpy.array([0, 1], "int64")}
    nodes = [
        helper.make_node("Loop", ["most", "go", "x"], ["grown"], body=body),
        helper.make_node("ReduceMax", ["grown"], ["largest"], keepdims=1),
        helper.make_node("Add", ["x", "largest"], ["y"]),
    ]
    model(folder, "growing_loop", nodes, constants)


def hundred_gigabytes(folder):
    """A tensor of 100 GiB, for as many rows as come."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], start=1),
        helper.make_node("Mul", ["shape", "many"], ["size"]),
        helper.make_node("Expand", ["x", "size"], ["wide"]),
        helper.make_node("ReduceMax", ["wide"], ["y"], axes=[1], keepdims=1),
    ]
    model(folder, "hundred_gigabytes", nodes, {"many": MANY})


def when_loaded(folder):
    """The same of constants only, so that it is computed when the model is loaded."""
    nodes = [
        helper.make_node("ConstantOfShape", ["many"], ["zeros"]),
        helper.make_node("ReduceMax", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["x", "zero"], ["y"]),
    ]
    model(folder, "when_loaded", nodes, {"many": MANY})


def wide_input(folder):
    """It says that a row has 2^40 values."""
    nodes = [helper.make_node("ReduceMax", ["x"], ["y"], axes=[1], keepdims=1)]
    outputs = [value("y", TensorProto.FLOAT, 1)]
    save(folder, "wide_input", nodes, [value("x", TensorProto.FLOAT, 1 << 40)], outputs)


def main():
    folder = Path(sys.argv[1])
    endless_loop(folder)
    growing_loop(folder)
    hundred_gigabytes(folder)
    when_loaded(folder)
    wide_input(folder)


if __name__ == "__main__":
    main()
