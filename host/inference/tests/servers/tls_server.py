"""A model `model` behind TLS, over gRPC and HTTP, for those who bring the token `s3cret`: y = 2·x."""

import json
import ssl
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc as service

folder, http_port, grpc_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TENSORS = {
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 1]}],
    "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1, 1]}],
}
BEARER = "Bearer s3cret"


class Model(service.GRPCInferenceServiceServicer):
    def check(self, context):
        if dict(context.invocation_metadata()).get("authorization") != BEARER:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who asks?")

    def ServerReady(self, request, context):
        self.check(context)
        return messages.ServerReadyResponse(ready=True)

    def ModelReady(self, request, context):
        return messages.ModelReadyResponse(ready=True)

    def ModelMetadata(self, request, context):
        return messages.ModelMetadataResponse(name="model", versions=["1"], **TENSORS)

    def ModelInfer(self, request, context):
        self.check(context)
        values = np.frombuffer(request.raw_input_contents[0], "<f8") * 2
        answer = messages.ModelInferResponse(model_name="model", id=request.id)
        tensor = answer.outputs.add(name="y", datatype="FP64", shape=[len(values), 1])
        # Not raw, which a server may choose.
        tensor.contents.fp64_contents.extend(values)
        return answer


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers["authorization"] != BEARER:
            self.answer(401, {"error": "who asks?"})
        else:
            self.answer(200, {"name": "model", "versions": ["1"], **TENSORS})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        values = [value * 2 for value in request["inputs"][0]["data"]]
        tensor = {"name": "y", "datatype": "FP64", "shape": [len(values), 1], "data": values}
        self.answer(200, {"model_name": "model", "outputs": [tensor]})

    def log_message(self, *_):
        pass


key, certificate = (folder / name for name in ["key.pem", "certificate.pem"])
server = grpc.server(ThreadPoolExecutor(4))
service.add_GRPCInferenceServiceServicer_to_server(Model(), server)
credentials = grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])
server.add_secure_port(f"127.0.0.1:{grpc_port}", credentials)
server.start()
https = ThreadingHTTPServer(("127.0.0.1", http_port), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
https.socket = context.wrap_socket(https.socket, server_side=True)
threading.Thread(target=https.serve_forever, daemon=True).start()
(folder / "ready").touch()
threading.Event().wait()
