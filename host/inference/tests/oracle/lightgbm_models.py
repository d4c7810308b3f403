"""Trains many small LightGBM models, and writes what LightGBM predicts for rows that hurt.

usage: lightgbm_models.py FOLDER

For each case N, FOLDER gets `N.txt`, the model, and `N.bin`, little-endian:
  u32 features, u32 rows, u32 predictions
  f64 rows x features, row after row; NaN where a value is missing
  then for each prediction:
    u8 output (0 prediction, 1 raw score, 2 leaf index, 3 contributions), u8 inputs (0 f64, 1 f32)
    i32 start_iteration, i32 num_iteration, u32 width
    f64 rows x width
The seeds are fixed: every run trains the same models.
"""

import struct
import sys
from pathlib import Path

import lightgbm
import numpy

FEATURES = 8
CATEGORICAL = [6, 7]
OBJECTIVES = [
    "regression", "regression_l1", "huber", "fair", "poisson", "quantile", "mape", "gamma",
    "tweedie", "binary", "multiclass", "multiclassova", "cross_entropy", "cross_entropy_lambda",
    "lambdarank", "rank_xendcg", "none",
]
BOOSTINGS = ["gbdt", "dart", "goss", "rf"]
# What a model is trained with besides its objective and its boosting.
VARIANTS = [
    {},
    {"linear_tree": True},
    {"zero_as_missing": True},
    {"use_missing": False},
    {"num_leaves": 90, "min_data_in_leaf": 1, "max_cat_to_onehot": 1, "cat_smooth": 0, "cat_l2": 0},
]
ROWS = 400


def inputs(random):
    """Training rows with all that a feature may hold."""
    data = random.normal(size=(ROWS, FEATURES))
    data[:, 1] = numpy.round(data[:, 1], 1)
    data[:, 2] = random.integers(0, 3, ROWS)
    data[:, 3] *= 1e-36
    data[:, 4] = numpy.exp(8 * data[:, 4])
    data[:, 6] = random.integers(0, 5, ROWS)
    data[:, 7] = random.integers(0, 90, ROWS)
    for feature in (0, 2, 5, 7):
        data[random.random(ROWS) < 0.15, feature] = numpy.nan
    data[random.random(ROWS) < 0.3, 5] = 0.0
    return data


def labels(random, data, objective):
    score = numpy.nan_to_num(data[:, 0]) + 0.3 * data[:, 2:3].sum(axis=1) + numpy.nan_to_num(data[:, 7]) % 3
    score = numpy.nan_to_num(score) + numpy.isnan(data[:, 5]) + 0.1 * random.normal(size=ROWS)
    share = 1 / (1 + numpy.exp(1 - score))
    if objective in ("poisson", "gamma", "tweedie"):
        return numpy.exp(0.3 * score)
    if objective == "binary":
        return (share > 0.5).astype(float)
    if objective in ("cross_entropy", "cross_entropy_lambda"):
        return share
    if objective in ("multiclass", "multiclassova"):
        return numpy.digitize(score, numpy.quantile(score, [0.3, 0.7])).astype(float)
    if objective in ("lambdarank", "rank_xendcg"):
        return numpy.digitize(score, numpy.quantile(score, [0.5, 0.8, 0.95])).astype(float)
    return score


def train(number, objective, boosting, variant):
    random = numpy.random.default_rng(number)
    data = inputs(random)
    parameters = {
        "objective": objective, "boosting": boosting, "verbosity": -1, "seed": number,
        "num_threads": 1, "deterministic": True, "force_col_wise": True, "num_leaves": 12,
        "min_data_in_leaf": 4, "min_data_per_group": 2, "max_bin": 63, "learning_rate": 0.2,
    }
    if boosting == "rf":
        parameters |= {"bagging_freq": 1, "bagging_fraction": 0.7, "feature_fraction": 0.8}
    parameters |= variant
    if parameters.get("linear_tree") and objective in ("regression_l1", "quantile", "mape"):
        # LightGBM has no linear trees for these: square roots instead, where they exist.
        del parameters["linear_tree"]
        parameters["reg_sqrt"] = True
    if objective in ("regression", "fair") and number % 2:
        parameters["reg_sqrt"] = True
    if objective in ("multiclass", "multiclassova"):
        parameters["num_class"] = 3
    if objective in ("binary", "multiclassova"):
        parameters["sigmoid"] = [1.0, 0.7, 1.234567, 0.037][number % 4]
    label = labels(random, data, objective)
    group = [20] * (ROWS // 20) if objective in ("lambdarank", "rank_xendcg") else None
    if objective == "none":
        parameters["objective"] = lambda scores, dataset: (scores - dataset.get_label(), numpy.ones(ROWS))
    dataset = lightgbm.Dataset(
        data, label, group=group, categorical_feature=CATEGORICAL, free_raw_data=False, params=parameters)
    return lightgbm.train(parameters, dataset, 6), data


def constant(number):
    """Trees without a split, with a linear leaf or without."""
    random = numpy.random.default_rng(number)
    parameters = {"verbosity": -1, "min_data_in_leaf": 1000, "linear_tree": number % 2 == 1,
                  "objective": ["regression", "binary", "poisson", "multiclass"][number % 4]}
    if parameters["objective"] == "multiclass":
        parameters["num_class"] = 4
    label = random.integers(0, 4, ROWS) if number % 4 == 3 else random.integers(0, 2, ROWS)
    data = inputs(random)
    return lightgbm.train(parameters, lightgbm.Dataset(data, label), 3), data


def probes(random, booster, data):
    """Rows of the training data, and rows at the edges of what the model asks."""
    specials = [numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-36, -1e-36,
                float(numpy.float32(1e-35)), -float(numpy.float32(1e-35)),
                numpy.nextafter(float(numpy.float32(1e-35)), 1), 2.2e-308, 1.7976931348623157e308,
                -1.7976931348623157e308]
    categories = [numpy.nan, -1.0, -0.5, 0.99, 31.0, 32.0, 63.5, 89.0, 90.0, 1000.0, 2147483647.0,
                  2147483648.0, 4294967296.0, -2147483649.0, 1e300, numpy.inf, -numpy.inf]
    thresholds = [[] for _ in range(FEATURES)]
    for line in model_lines(booster, "split_feature", "threshold"):
        for feature, threshold in zip(*line):
            thresholds[int(feature)].append(float(threshold))
    columns = []
    for feature in range(FEATURES):
        if feature in CATEGORICAL:
            pool = categories + list(numpy.arange(0.0, 95.0))
        else:
            edges = numpy.array(thresholds[feature] or [0.0])
            pool = specials * 2 + list(edges) + list(numpy.nextafter(edges, numpy.inf)) + list(
                numpy.nextafter(edges, -numpy.inf)) + list(data[:40, feature])
        columns.append(random.choice(numpy.array(pool), 96))
    return numpy.concatenate([data[:37], numpy.stack(columns, axis=1)])


def model_lines(booster, *keys):
    found = {key: [] for key in keys}
    for line in booster.model_to_string().splitlines():
        key, _, value = line.partition("=")
        if key in found:
            found[key].append(value.split())
    return zip(*found.values())


def linear(path):
    text = path.read_text()
    return "is_linear=1" in text or "[linear_tree: 1]" in text


def write(folder, number, trained, data):
    path = folder / f"{number}.txt"
    trained.save_model(path)
    # As the text says it: what training kept in memory may have more digits.
    booster = lightgbm.Booster(model_file=path)
    random = numpy.random.default_rng(number)
    rows = probes(random, booster, data)
    ranges = [(0, -1), (int(random.integers(0, 4)), int(random.integers(1, 4))), (2, 0), (9, 3)]
    with numpy.errstate(over="ignore"):
        singles = rows.astype(numpy.float32)
    out = [(output, single, *ranges[0]) for output in range(3) for single in range(2)]
    out += [(output, 0, *range_) for output in range(3) for range_ in ranges[1:3]]
    out += [(output, 0, *ranges[3]) for output in range(2)]
    if not linear(path):
        # LightGBM has no contributions of linear trees.
        out += [(3, 0, *range_) for range_ in ranges[:2]]
    with open(folder / f"{number}.bin", "wb") as file:
        file.write(struct.pack("<III", rows.shape[1], len(rows), len(out)))
        file.write(rows.astype("<f8").tobytes())
        for output, single, start, count in out:
            predictions = booster.predict(
                singles if single else rows, raw_score=output == 1, pred_leaf=output == 2,
                pred_contrib=output == 3, start_iteration=start, num_iteration=count, num_threads=1)
            predictions = numpy.asarray(predictions, "<f8").reshape(len(rows), -1)
            file.write(struct.pack("<BBiiI", output, single, start, count, predictions.shape[1]))
            file.write(predictions.tobytes())


def main():
    folder = Path(sys.argv[1])
    number = 0
    for variant in VARIANTS:
        for objective in OBJECTIVES:
            for boosting in BOOSTINGS:
                if objective == "none" and boosting == "rf":
                    continue  # LightGBM has no random forests of a custom objective.
                write(folder, number, *train(number, objective, boosting, variant))
                number += 1
    for _ in range(8):
        write(folder, number, *constant(number))
        number += 1
    print(number)


main()
