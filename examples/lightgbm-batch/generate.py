"""Makes data and models of the 28-feature shape (LightGBM's regression example), at any size.

    python generate.py --rows 1000000 --out higgs            # higgs/data/test.tsv
    python generate.py --rows 500 --out higgs --train        # and the two models

`test.tsv` has no header: label INT and 28 features with three decimals, separated by tabs (about
176 bytes a row). `--train` writes model.txt (20 trees of 31 leaves) and model-500.txt (500 trees
of 63 leaves). Everything is seeded by the row's number: the first rows of a large file are the
rows of a small one.
"""

import argparse
import pathlib

import numpy
import polars

FEATURES = 28
BLOCK = 100_000


def block(number: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Rows [number * BLOCK, (number + 1) * BLOCK): labels and features."""
    random = numpy.random.default_rng([28, number])
    x = random.normal(size=(BLOCK, FEATURES))
    x[:, ::3] = numpy.exp(x[:, ::3] * 0.5)
    x[:, 8::4] = numpy.where(random.random((BLOCK, 5)) < 0.5, 0.0, x[:, 8::4] + 1.0)
    x = numpy.round(x, 3)
    score = x[:, 0] * x[:, 1] - x[:, 3] + numpy.sin(2 * x[:, 5]) + 0.5 * x[:, 8] * x[:, 10] + x[:, 25]
    y = (score + random.normal(size=BLOCK) > 0.3).astype(numpy.int8)
    return y, x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("higgs"))
    parser.add_argument("--train", action="store_true", help="also train the two models")
    arguments = parser.parse_args()

    data = arguments.out / "data"
    data.mkdir(parents=True, exist_ok=True)
    partial = data / "test.tsv.partial"
    with partial.open("wb") as file:
        for number in range((arguments.rows + BLOCK - 1) // BLOCK):
            y, x = block(number)
            table = polars.DataFrame({"label": y}).hstack(polars.DataFrame(x))
            table.head(arguments.rows - number * BLOCK).write_csv(
                file, include_header=False, separator="\t", float_precision=3
            )
    partial.rename(data / "test.tsv")
    if arguments.train:
        train(arguments.out)


def train(out: pathlib.Path) -> None:
    import lightgbm

    y, x = block(1_000_000)
    for name, trees, leaves in (("model.txt", 20, 31), ("model-500.txt", 500, 63)):
        booster = lightgbm.train(
            {
                "objective": "binary",
                "num_leaves": leaves,
                "learning_rate": 0.05,
                "feature_fraction": 0.9,
                "bagging_fraction": 0.8,
                "bagging_freq": 5,
                "seed": 28,
                "deterministic": True,
                "num_threads": 2,
                "verbose": -1,
            },
            lightgbm.Dataset(x, y),
            num_boost_round=trees,
        )
        booster.save_model(out / name)


if __name__ == "__main__":
    main()
