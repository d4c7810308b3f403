"""Calls our server with Triton's own client, over HTTP and over gRPC, and looks at what it says."""

import sys

import numpy as np
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address = sys.argv[1]
ROWS = 1000

columns = {
    "number": np.arange(ROWS, dtype=np.float64) / 8,
    "whole": np.arange(ROWS, dtype=np.int64) - 2**60,
    "flag": np.arange(ROWS) % 3 == 0,
    "text": np.array([f"row {row} ü".encode() for row in range(ROWS)], dtype=object),
    "list": np.arange(ROWS * 3, dtype=np.float32).reshape(ROWS, 3),
}
DATATYPES = {"number": "FP64", "whole": "INT64", "flag": "BOOL", "text": "BYTES", "list": "FP32"}


def check(result):
    def given(name):
        return result.as_numpy(name)

    assert (given("number_out")[:, 0] == columns["number"] * 2).all()
    assert (given("whole_out")[:, 0] == columns["whole"] * 2).all()
    assert (given("flag_out")[:, 0] == ~columns["flag"]).all()
    texts = [text.decode() if isinstance(text, bytes) else text for text in given("text_out")[:, 0]]
    assert texts == [f"ROW {row} Ü" for row in range(ROWS)], texts[:3]
    assert given("list_out").shape == (ROWS, 3)
    assert (given("list_out") == columns["list"]).all()


def inputs(client, **how):
    tensors = []
    for name, values in columns.items():
        values = values if values.ndim == 2 else values.reshape(-1, 1)
        tensor = client.InferInput(name, list(values.shape), DATATYPES[name])
        tensor.set_data_from_numpy(values, **how)
        tensors.append(tensor)
    return tensors


def refused(call, *words):
    try:
        call()
    except InferenceServerException as error:
        assert all(word in str(error) for word in words), error
        print(f"refused: {error}")
    else:
        raise AssertionError(words)


def both(module, client, as_json):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("types") and client.is_model_ready("types", "v1")
    server = client.get_server_metadata(**as_json)
    assert server["name"] == "wasmill", server
    model = client.get_model_metadata("types", **as_json)
    assert model["versions"] == ["v1"], model
    assert [tensor["datatype"] for tensor in model["inputs"]] == list(DATATYPES.values())

    check(client.infer("types", inputs(module), request_id="mine"))
    result = client.infer("types", inputs(module), model_version="v1", request_id="mine")
    response = result.get_response(**as_json)
    assert response["id"] == "mine", response
    wanted = [module.InferRequestedOutput("whole_out")]
    some = client.infer("types", inputs(module), outputs=wanted)
    assert some.as_numpy("number_out") is None
    assert (some.as_numpy("whole_out")[:, 0] == columns["whole"] * 2).all()

    matrix = np.arange(12, dtype=np.float32).reshape(4, 3)
    tensor = module.InferInput("features", [4, 3], "FP32")
    tensor.set_data_from_numpy(matrix)
    sums = client.infer("sum", [tensor]).as_numpy("sum")
    assert (sums[:, 0] == matrix.sum(axis=1)).all(), sums

    refused(lambda: client.infer("other", inputs(module)), "there is no model 'other'")
    refused(lambda: client.infer("types", inputs(module), model_version="v2"), "'v1', not 'v2'")
    refused(lambda: client.infer("types", inputs(module)[:4]), "takes 5 tensors, but 4 came")
    unknown = [module.InferRequestedOutput("more")]
    refused(lambda: client.infer("types", inputs(module), outputs=unknown), "it gives no 'more'")


with http.InferenceServerClient(address, concurrency=4) as client:
    both(http, client, {})
    check(client.infer("types", inputs(http, binary_data=False)))
    json_outputs = [
        http.InferRequestedOutput(f"{name}_out", binary_data=False) for name in columns
    ]
    check(client.infer("types", inputs(http, binary_data=False), outputs=json_outputs))
    check(client.infer("types", inputs(http), outputs=json_outputs))
    several = [client.async_infer("types", inputs(http)) for _ in range(8)]
    for request in several:
        check(request.get_result())
with grpc.InferenceServerClient(address) as client:
    both(grpc, client, {"as_json": True})
    refused(
        lambda: client.infer("types", inputs(grpc), client_timeout=0.000001), "DEADLINE_EXCEEDED"
    )
print("all calls answered")
