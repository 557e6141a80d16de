"""Contributions by XGBoost, one thread.

treeshap.py train DIR            trains DIR/depth6.json: 100 trees of depth 6
treeshap.py contribs DIR NAME    reads the rows DIR/NAME.rows (float32, row after row) for DIR/NAME.json, writes DIR/NAME.contribs
                                 and prints how many rows a CPU second of this process yields; the DMatrix is built before
"""
import os
import resource
import sys

import numpy as np
import xgboost as xgb

LEAST = 2.0  # CPU seconds


def train(folder):
    r = np.random.RandomState(1)
    x = r.randn(20000, 12).astype(np.float32)
    s = 1.5 * x[:, 0] + x[:, 1] * x[:, 2] - np.abs(x[:, 3]) + 0.5 * x[:, 4] * x[:, 5] * x[:, 6] + 0.7 * r.randn(len(x))
    x[r.rand(*x.shape) < 0.05] = np.nan
    names = ["f%d" % i for i in range(x.shape[1])]
    params = dict(objective="binary:logistic", eta=0.1, max_depth=6, base_score=0.5, tree_method="hist", nthread=1, seed=1, verbosity=0)
    xgb.train(params, xgb.DMatrix(x, (s > 0).astype(int), feature_names=names, nthread=1), 100).save_model(os.path.join(folder, "depth6.json"))


def seconds():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def contribs(folder, name):
    stem = os.path.join(folder, name)
    booster = xgb.Booster(model_file=stem + ".json")
    booster.set_param("nthread", 1)
    x = np.fromfile(stem + ".rows", dtype=np.float32).reshape(-1, booster.num_features())
    d = xgb.DMatrix(x, feature_names=booster.feature_names, nthread=1)
    booster.predict(d, pred_contribs=True).astype(np.float32).tofile(stem + ".contribs")
    rows, start = 0, seconds()
    while seconds() - start < LEAST:
        booster.predict(d, pred_contribs=True)
        rows += len(x)
    print(rows / (seconds() - start))


if __name__ == "__main__":
    train(sys.argv[2]) if sys.argv[1] == "train" else contribs(*sys.argv[2:])
