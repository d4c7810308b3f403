"""A model of Triton's Python backend: a column of each kind, changed in a way that shows."""

import time

import numpy as np
import triton_python_backend_utils as triton


class TritonPythonModel:
    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        def column(name):
            return triton.get_input_tensor_by_name(request, name).as_numpy()

        text = np.vectorize(lambda text: text.decode().upper().encode(), otypes=[object])(column("text"))
        if any(value.startswith(b"SLOW") for value in text.flat):
            time.sleep(0.2)
        return triton.InferenceResponse(
            [
                triton.Tensor("number_out", column("number") * 2),
                triton.Tensor("whole_out", column("whole") + 1),
                triton.Tensor("flag_out", ~column("flag")),
                triton.Tensor("text_out", text),
                triton.Tensor("list_out", column("list") * 2),
            ]
        )
