"""Trains a digit classifier and exports it to ONNX.

    python train.py            # writes model.onnx and data/digits.json

The data is scikit-learn's copy of the UCI handwritten digits (1,797 pictures of 8 x 8 pixels,
values 0 to 16; E. Alpaydin, C. Kaynak, CC BY 4.0). A network of 64-32-10 is trained on the first
1,300, seeded; data/digits.json holds the rest, one JSON object a line. The model takes `pixels`
[n, 64] float and gives `digit` [n] int64 and `probabilities` [n, 10] float.
"""

import json
import pathlib

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

HERE = pathlib.Path(__file__).parent
TRAINED_ON = 1300


def main() -> None:
    digits = load_digits()
    x = digits.data.astype(numpy.float32)
    y = digits.target
    network = MLPClassifier((32,), random_state=7, max_iter=400)
    network.fit(x[:TRAINED_ON] / 16, y[:TRAINED_ON])
    onnx.save(export(network), HERE / "model.onnx")

    (HERE / "data").mkdir(exist_ok=True)
    with (HERE / "data" / "digits.json").open("w") as file:
        for row in range(TRAINED_ON, len(x)):
            line = {"id": row, "label": int(y[row]), "pixels": [int(v) for v in x[row]]}
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    right = (network.predict(x[TRAINED_ON:] / 16) == y[TRAINED_ON:]).mean()
    print(f"{TRAINED_ON} rows trained, {len(x) - TRAINED_ON} rows held back: {right:.1%} right")


def export(network: MLPClassifier) -> onnx.ModelProto:
    """The trained network as an ONNX graph: scale, two dense layers, softmax, argmax."""

    def constant(name: str, value: numpy.ndarray) -> onnx.TensorProto:
        return numpy_helper.from_array(value, name)

    (w1, w2), (b1, b2) = network.coefs_, network.intercepts_
    graph = helper.make_graph(
        [
            helper.make_node("Div", ["pixels", "sixteen"], ["scaled"]),
            helper.make_node("Gemm", ["scaled", "w1", "b1"], ["hidden"]),
            helper.make_node("Relu", ["hidden"], ["active"]),
            helper.make_node("Gemm", ["active", "w2", "b2"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
            helper.make_node("ArgMax", ["scores"], ["digit"], axis=1, keepdims=0),
        ],
        "digits",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 64])],
        [
            helper.make_tensor_value_info("digit", TensorProto.INT64, ["n"]),
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 10]),
        ],
        [
            constant("sixteen", numpy.float32(16)),
            constant("w1", w1.astype(numpy.float32)),
            constant("b1", b1.astype(numpy.float32)),
            constant("w2", w2.astype(numpy.float32)),
            constant("b2", b2.astype(numpy.float32)),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


if __name__ == "__main__":
    main()
