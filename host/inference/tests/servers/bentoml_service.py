"""A service of BentoML with a method of each shape."""

import time

import bentoml
import numpy as np


@bentoml.service
class Service:
    @bentoml.api(batchable=True, max_batch_size=256, max_latency_ms=30000)
    def predict(self, features: np.ndarray) -> np.ndarray:
        return features.sum(axis=1)

    @bentoml.api
    def both(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([rows.sum(axis=1), rows.max(axis=1)], axis=1)

    @bentoml.api
    def texts(self, text: list[str], flag: list[bool], factor: float = 2.0) -> dict:
        if "slow" in text:
            time.sleep(0.2)
        return {"upper": [each.upper() for each in text], "flag_out": [not each for each in flag]}

    @bentoml.api
    def records(self, x: list[float | None], whole: list[int]) -> list[dict]:
        return [{"sum": (a or 0.0) + b, "parts": [b] * (b % 4)} for a, b in zip(x, whole)]

    @bentoml.api
    def wrong(self, x: list[float]) -> list[float]:
        return x[1:]
