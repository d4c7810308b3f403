"""What a data engineer would write: read the file, predict, in memory.

    python python_baseline.py MODEL DATA THREADS
"""

import sys

import lightgbm
import polars

model, data, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
table = polars.read_csv(data, separator="\t", has_header=False)
features = table.drop(table.columns[0]).to_numpy()
predictions = lightgbm.Booster(model_file=model).predict(features, num_threads=threads)
assert len(predictions) == table.height
