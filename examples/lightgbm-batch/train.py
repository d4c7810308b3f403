"""Trains the example's model: the Wisconsin breast-cancer data (569 tumours, 30 measurements).

    python train.py            # writes data/train.csv, data/test.csv and model.txt

The data ships with scikit-learn (W. Wolberg, O. Mangasarian, N. Street, W. Street: UCI Machine
Learning Repository, CC BY 4.0). The split and the training are seeded: the same versions give the
same files.
"""

import pathlib

import lightgbm
import numpy
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).parent


def main() -> None:
    data = load_breast_cancer()
    names = [name.replace(" ", "_") for name in data.feature_names]
    rows = numpy.arange(len(data.target))
    train, test = train_test_split(rows, test_size=0.3, random_state=7, stratify=data.target)
    for part, which in (("train", train), ("test", test)):
        path = HERE / "data" / f"{part}.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w") as file:
            file.write(",".join(["benign", *names]) + "\n")
            for row in sorted(which):
                values = [str(data.target[row])] + [repr(float(v)) for v in data.data[row]]
                file.write(",".join(values) + "\n")
    booster = lightgbm.train(
        {
            "objective": "binary",
            "num_leaves": 15,
            "min_data_in_leaf": 5,
            "learning_rate": 0.1,
            "seed": 7,
            "deterministic": True,
            "num_threads": 1,
            "verbose": -1,
        },
        lightgbm.Dataset(data.data[train], data.target[train], feature_name=names),
        num_boost_round=40,
    )
    booster.save_model(HERE / "model.txt")
    right = ((booster.predict(data.data[test]) > 0.5) == data.target[test]).mean()
    print(f"{len(train)} rows trained, {len(test)} rows held back: {right:.1%} right")


if __name__ == "__main__":
    main()
