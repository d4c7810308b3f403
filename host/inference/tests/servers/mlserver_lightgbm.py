"""Trains a LightGBM model and writes it for MLServer, with rows and what LightGBM predicts for them."""

import json
import sys
from pathlib import Path

import lightgbm
import numpy as np

folder = Path(sys.argv[1])
generator = np.random.default_rng(7)
rows = generator.normal(size=(3000, 4))
labels = (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(int)
model = lightgbm.train(
    {"objective": "binary", "num_leaves": 15, "verbose": -1, "num_threads": 1},
    lightgbm.Dataset(rows, labels),
    num_boost_round=20,
)
model.save_model(folder / "model.bst")
(folder / "rows.bin").write_bytes(rows.astype("<f8").tobytes())
# As the server has it: read again.
model = lightgbm.Booster(model_file=folder / "model.bst")
(folder / "expected.bin").write_bytes(model.predict(rows).astype("<f8").tobytes())
settings = {
    "name": "higgs",
    "implementation": "mlserver_lightgbm.LightGBMModel",
    "parameters": {"uri": "./model.bst", "version": "v7"},
}
if "--described" in sys.argv:
    settings["inputs"] = [{"name": "features", "datatype": "FP64", "shape": [-1, 4]}]
    settings["outputs"] = [{"name": "predict", "datatype": "FP64", "shape": [-1]}]
(folder / "model-settings.json").write_text(json.dumps(settings))
(folder / "settings.json").write_text(
    json.dumps(
        {
            "host": "127.0.0.1",
            "http_port": int(sys.argv[2]),
            "grpc_port": int(sys.argv[3]),
            "metrics_port": int(sys.argv[4]),
            "parallel_workers": 0,
        }
    )
)
