"""Trains the models of `cargo xtask bench inference` that the folder lacks.

usage: tree_models.py FOLDER
"""

import sys
from pathlib import Path

import lightgbm
import numpy

FOLDER = Path(sys.argv[1])
ROWS, FEATURES = 60_000, 30


def main():
    random = numpy.random.default_rng(3)
    data = random.normal(size=(ROWS, FEATURES)).astype(numpy.float32)
    data[random.random(data.shape) < 0.05] = numpy.nan
    whole = numpy.nan_to_num(data)
    score = whole[:, 0] + whole[:, 1] * whole[:, 2] + numpy.sin(2 * whole[:, 3])
    score += 0.3 * whole[:, 4:12].sum(axis=1) + random.normal(size=ROWS)
    label = (score > 0).astype(int)
    categories = data.copy()
    for feature in range(10):
        categories[:, feature] = random.integers(0, [8, 40, 200][feature % 3], ROWS)
    train("20x31", 20, label, numpy.round(whole, 3), num_leaves=31)
    train("500x63", 500, label, data, num_leaves=63)
    train("500x255", 500, label, data, num_leaves=255, min_data_in_leaf=5)
    train("2000x63", 2000, label, data, num_leaves=63)
    train("500x63-categories", 500, label, categories, list(range(10)), num_leaves=63)
    train("200x31-linear", 200, label, whole, num_leaves=31, linear_tree=True)


def train(name, rounds, label, data, categorical="auto", **parameters):
    path = FOLDER / f"{name}.txt"
    if path.exists():
        return
    print(f"training {name}", file=sys.stderr)
    parameters = {"objective": "binary", "verbosity": -1, "seed": 1, **parameters}
    dataset = lightgbm.Dataset(
        data, label, categorical_feature=categorical, params=parameters)
    booster = lightgbm.train(parameters, dataset, rounds)
    booster.save_model(path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


main()
