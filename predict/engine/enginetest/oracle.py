"""What XGBoost itself says.

oracle.py train DIR     trains the models NAME.json in DIR
oracle.py predict DIR   for each NAME.json with rows in NAME.rows (float32, row after row) writes NAME.margin and NAME.predict
oracle.py contribs DIR  writes NAME.contribs instead, and prints how many rows a CPU second yields; all is float32
"""
import glob
import os
import resource
import sys

import numpy as np
import xgboost as xgb


def synthetic(n, width, seed):
    r = np.random.RandomState(seed)
    x = r.randn(n, width).astype(np.float32)
    s = 1.5 * x[:, 0] + x[:, 1] * x[:, 2] - np.abs(x[:, 3]) + 0.5 * x[:, 4] * x[:, 5] * x[:, 6] + 0.7 * r.randn(n)
    x[r.rand(n, width) < 0.05] = np.nan
    return x, s


def train(folder):
    def save(name, x, y, trees, **params):
        names = ["f%d" % i for i in range(x.shape[1])]
        booster = xgb.train(dict(params, nthread=1, seed=1, verbosity=0), xgb.DMatrix(x, y, feature_names=names, nthread=1), trees)
        booster.save_model(os.path.join(folder, name + ".json"))

    x, s = synthetic(3000, 12, 1)
    y = (s > 0).astype(int)
    binary = dict(objective="binary:logistic", eta=0.1, tree_method="hist")
    save("depth4", x, y, 100, max_depth=4, base_score=0.5, **binary)
    save("depth6", x, y, 100, max_depth=6, base_score=0.3, **binary)
    save("depth8", x, y, 100, max_depth=8, base_score=0.9, **binary)
    save("lossguide", x, y, 60, max_depth=0, max_leaves=40, grow_policy="lossguide", base_score=0.5, **binary)
    save("pruned", x, y, 60, max_depth=6, gamma=2.0, base_score=0.05, **dict(binary, tree_method="exact"))
    save("squared", x, s, 100, max_depth=6, objective="reg:squarederror", eta=0.1, base_score=2.5, tree_method="hist")
    from sklearn.datasets import load_breast_cancer
    d = load_breast_cancer()
    save("breast", d.data.astype(np.float32), d.target, 100, max_depth=4, base_score=0.6, **binary)


def seconds():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime


def answer(folder, contribs):
    for path in sorted(glob.glob(os.path.join(folder, "*.rows"))):
        stem = path[:-len(".rows")]
        booster = xgb.Booster(model_file=stem + ".json")
        booster.set_param("nthread", 1)
        x = np.fromfile(path, dtype=np.float32).reshape(-1, booster.num_features())
        d = xgb.DMatrix(x, feature_names=booster.feature_names, nthread=1)
        if contribs:
            t = seconds()
            booster.predict(d, pred_contribs=True).astype(np.float32).tofile(stem + ".contribs")
            t = seconds() - t
            print("xgboost %s %s: contributions of %.0f rows per CPU second" % (xgb.__version__, os.path.basename(stem), len(x) / t))
        else:
            booster.predict(d, output_margin=True).astype(np.float32).tofile(stem + ".margin")
            booster.predict(d).astype(np.float32).tofile(stem + ".predict")


if __name__ == "__main__":
    verb, where = sys.argv[1:]
    if verb == "train":
        train(where)
    else:
        answer(where, verb == "contribs")
