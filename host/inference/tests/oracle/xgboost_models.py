"""Trains many small XGBoost models, and writes what XGBoost predicts for rows that hurt.

usage: xgboost_models.py FOLDER

For each case N, FOLDER gets the model as `N.json` and as `N.ubj`, and `N.bin`, little-endian:
  u32 features, u32 rows, u32 predictions
  f64 rows x features, row after row; NaN where a value is missing
  then for each prediction:
    u8 output (0 prediction, 1 margin, 2 leaf), u8 inputs (0 f64, 1 f32), u8 infinite
    i32 start_iteration, i32 num_iteration, u32 width
    f64 rows x width
Where `infinite` is 1, the first feature of the rows is infinite in every second row, with alternating
signs. The seeds are fixed: every run trains the same models.
"""

import json
import struct
import sys
from pathlib import Path

import numpy
import xgboost

FEATURES = 7
KINDS = ["q"] * 5 + ["c"] * 2
OBJECTIVES = [
    "reg:squarederror", "reg:logistic", "binary:logistic", "binary:logitraw", "binary:hinge",
    "multi:softmax", "multi:softprob", "count:poisson", "reg:gamma", "reg:tweedie", "rank:pairwise",
    "rank:ndcg", "rank:map", "reg:absoluteerror", "reg:quantileerror", "reg:pseudohubererror",
    "reg:squaredlogerror", "survival:cox", "survival:aft",
]
# What a model is trained with besides its objective.
VARIANTS = [
    {},
    {"booster": "dart", "rate_drop": 0.4},
    {"num_parallel_tree": 3, "subsample": 0.7, "colsample_bynode": 0.8},
    {"max_depth": 9, "min_child_weight": 0, "max_cat_to_onehot": 1, "lambda": 0},
    {"booster": "dart", "rate_drop": 0.3, "num_parallel_tree": 2, "max_cat_to_onehot": 100},
    {"booster": "gblinear"},
    {"tree_method": "exact", "base_score": 0.3},
]
ROWS = 400
ROUNDS = 6


def inputs(random, categories):
    """Training rows with all that a feature may hold."""
    data = random.normal(size=(ROWS, FEATURES))
    data[:, 1] = numpy.round(data[:, 1], 1)
    data[:, 2] = random.integers(-1, 3, ROWS)
    data[:, 3] *= 1e-42
    data[:, 4] = numpy.exp(8 * data[:, 4])
    data[:, 5] = random.integers(0, 3, ROWS)
    data[:, 6] = random.integers(0, categories, ROWS)
    for feature in (0, 2, 4, 6):
        data[random.random(ROWS) < 0.15, feature] = numpy.nan
    return data


def labels(random, data, objective):
    score = numpy.nan_to_num(data[:, 0]) + 0.3 * numpy.nan_to_num(data[:, 2]) + numpy.nan_to_num(data[:, 6]) % 3
    score += numpy.isnan(data[:, 4]) + 0.4 * data[:, 5] + 0.1 * random.normal(size=ROWS)
    if objective in ("count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft", "reg:squaredlogerror"):
        return numpy.exp(0.3 * score)
    if objective in ("binary:logistic", "binary:logitraw", "binary:hinge", "rank:map"):
        return (score > 2).astype(float)
    if objective == "reg:logistic":
        return 1 / (1 + numpy.exp(1 - score))
    if objective in ("multi:softmax", "multi:softprob", "rank:pairwise", "rank:ndcg"):
        return numpy.digitize(score, numpy.quantile(score, [0.3, 0.7])).astype(float)
    return score


def train(number, objective, variant):
    random = numpy.random.default_rng(number)
    data = inputs(random, [9, 90][number % 2])
    parameters = {"objective": objective, "seed": number, "nthread": 1, "max_depth": 4, "eta": 0.3} | variant
    numeric = parameters.get("booster") == "gblinear" or parameters.get("tree_method") == "exact"
    kinds = ["q"] * FEATURES if numeric else KINDS
    if parameters.get("booster") == "gblinear":
        # The only updater of linear models that gives the same twice; and no infinite weights.
        parameters["updater"] = "coord_descent"
        data[:, 4] = numpy.log(data[:, 4])
        del parameters["max_depth"]
    if objective.startswith("multi:"):
        parameters["num_class"] = 3
    if objective == "reg:quantileerror":
        parameters["quantile_alpha"] = [0.2, 0.5, 0.9] if number % 2 else 0.3
    matrix = xgboost.DMatrix(data, feature_types=kinds, enable_categorical=True)
    label = labels(random, data, objective)
    if objective == "survival:aft":
        matrix.set_float_info("label_lower_bound", label)
        matrix.set_float_info("label_upper_bound", label * 1.2)
    else:
        matrix.set_label(label)
    if objective.startswith("rank:"):
        matrix.set_group([20] * (ROWS // 20))
    return xgboost.train(parameters, matrix, ROUNDS), data, kinds


def probes(random, model, data, kinds):
    """Rows of the training data, and rows at the edges of what the model asks."""
    tiny = float(numpy.finfo("f4").smallest_subnormal)
    specials = [numpy.nan, 0.0, -0.0, 5e-324, tiny, -tiny, tiny / 2, tiny * 1.5, 1e-38, -1e-38, 1e-35, 3.4e38,
                -3.4e38, 16777217.0, 1 / 3]
    categories = [numpy.nan, -1.0, -0.5, 0.99, 8.5, 31.0, 32.0, 63.5, 89.0, 90.0, 1000.0, 16777215.0, 16777216.0,
                  2147483648.0, 1e30]
    thresholds = [[] for _ in range(FEATURES)]
    booster = model["learner"]["gradient_booster"]
    for tree in booster.get("gbtree", booster)["model"].get("trees", []):
        for feature, condition, left in zip(tree["split_indices"], tree["split_conditions"], tree["left_children"]):
            if left != -1:
                thresholds[feature].append(condition)
    columns = []
    for feature in range(FEATURES):
        if kinds[feature] == "c":
            pool = categories + list(numpy.arange(0.0, 95.0))
        else:
            edges = numpy.array(thresholds[feature] or [0.0], "f4")
            near = [edges, numpy.nextafter(edges, numpy.float32(numpy.inf)), numpy.nextafter(edges, numpy.float32(-numpy.inf))]
            near = [values.astype(float) for values in near]
            near += [numpy.nextafter(near[0], numpy.inf), numpy.nextafter(near[0], -numpy.inf)]
            # Half way to the next f32: the rounding says on which side it is.
            near += [(near[0] + near[1]) / 2, (near[0] + near[2]) / 2]
            near += [numpy.nextafter((near[0] + near[2]) / 2, numpy.inf)]
            pool = specials * 2 + [value for values in near for value in values] + list(data[:40, feature])
        columns.append(random.choice(numpy.array(pool), 96))
    rows = numpy.concatenate([data[:37], numpy.stack(columns, axis=1)])
    # XGBoost refuses what becomes infinite.
    return numpy.clip(rows, -3.4e38, 3.4e38)


def write(folder, number, trained, data, kinds):
    path = folder / f"{number}.json"
    trained.save_model(path)
    trained.save_model(folder / f"{number}.ubj")
    booster = xgboost.Booster(model_file=path)
    random = numpy.random.default_rng(number)
    model = json.loads(path.read_text())
    rows = probes(random, model, data, kinds)
    name = model["learner"]["gradient_booster"]["name"]
    ranges = [(0, 0)] if name == "gblinear" else [(0, 0), (int(random.integers(0, 4)), int(random.integers(1, 3))), (2, ROUNDS - 2)]
    out = [(output, single, 0, *range_) for output in range(2 if name == "gblinear" else 3)
           for single in range(2) for range_ in ranges]
    if name == "gbtree":
        # In dart, predictions in place are not those of a DMatrix: they sum in another order.
        out += [(output, 0, 1, 0, 0) for output in range(2)]
    with open(folder / f"{number}.bin", "wb") as file:
        file.write(struct.pack("<III", rows.shape[1], len(rows), len(out)))
        file.write(rows.astype("<f8").tobytes())
        for output, single, infinite, start, count in out:
            range_ = (start, start + count) if count else (0, 0)
            asked = rows.astype("f4") if single else rows.copy()
            if infinite:
                asked[::4, 0] = numpy.inf
                asked[2::4, 0] = -numpy.inf
                predictions = booster.inplace_predict(
                    asked, predict_type="margin" if output else "value", validate_features=False)
            else:
                matrix = xgboost.DMatrix(asked, feature_types=kinds, enable_categorical=True)
                asked_of = booster
                if output == 2 and start:
                    # Of leaves XGBoost gives the first iterations only; of a slice all.
                    asked_of, range_ = booster[start:start + count], (0, 0)
                predictions = asked_of.predict(
                    matrix, output_margin=output == 1, pred_leaf=output == 2, iteration_range=range_)
            predictions = numpy.asarray(predictions, "<f8").reshape(len(rows), -1)
            file.write(struct.pack("<BBBiiI", output, single, infinite, start, count, predictions.shape[1]))
            file.write(predictions.tobytes())


def main():
    folder = Path(sys.argv[1])
    xgboost.set_config(verbosity=0)
    number = 0
    for variant in VARIANTS:
        for objective in OBJECTIVES:
            linear = variant.get("booster") == "gblinear"
            if linear and objective in ("reg:absoluteerror", "reg:quantileerror"):
                continue  # Their leaves are set after a tree has grown.
            write(folder, number, *train(number, objective, variant))
            number += 1
    print(number)


main()
