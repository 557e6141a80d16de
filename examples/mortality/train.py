#!/usr/bin/env python3
"""Trains the ten-year mortality model and writes its artefact: model.json, calibration.json, inputs.json, card.json, CARD.md.

    train.py DATA OUT

DATA is a folder with NHANESI_subset_X.csv and NHANESI_subset_y.csv (NHANES I with its epidemiologic follow-up). Needs
numpy and xgboost, nothing else. The same data and the same versions give the same bytes.
"""
import csv
import hashlib
import json
import math
import os
import sys

import numpy as np
import xgboost as xgb

HORIZON = 10.0  # years
SPLIT_SEED, FOLD_SEED, MASK_SEED = 20260901, 20260902, 20260903
DROPPED = 0.3  # of the measurements in the second copy of each training row
PARTS = (("train", 0.6), ("calibration", 0.2), ("test", 0.2))
PARAMS = {"objective": "binary:logistic", "base_score": 0.5, "tree_method": "exact", "max_depth": 4, "eta": 0.07,
          "min_child_weight": 5, "lambda": 2, "nthread": 1, "seed": 1, "verbosity": 0}
ROUNDS = (40, 60, 80, 100, 120, 140, 160)  # the number of trees is chosen among these inside the training part
AGE_BANDS = ((25, 44), (45, 64), (65, 74))
RACES = {1: "White", 2: "Black", 3: "other"}
FEW = 10  # no AUC below so many events or non-events

LOINC = "http://loinc.org"


def laboratory(name, column, title, unit, days, codes, formula="", charge=0):
    return {"name": name, "column": column, "title": title, "kind": "measurement", "unit": unit, "maxAgeDays": days,
            "codes": [{"system": LOINC, "code": c, "meaning": m, "source": "https://loinc.org/" + c} for c, m in codes],
            "molecule": {"formula": formula, "charge": charge}}


INPUTS = [
    {"name": "age", "column": "Age", "title": "Age", "kind": "age", "unit": "a", "codes": [], "maxAgeDays": 0,
     "molecule": {"formula": "", "charge": 0}},
    {"name": "sex", "column": "Sex", "title": "Sex", "kind": "sex", "unit": "1", "codes": [], "maxAgeDays": 0,
     "molecule": {"formula": "", "charge": 0}, "coding": {"male": 1, "female": 2}},
    laboratory("systolic", "Systolic BP", "Systolic blood pressure", "mm[Hg]", 365, [("8480-6", "Systolic blood pressure")]),
    laboratory("diastolic", "Diastolic BP", "Diastolic blood pressure", "mm[Hg]", 365, [("8462-4", "Diastolic blood pressure")]),
    laboratory("bmi", "BMI", "Body mass index", "kg/m2", 730, [("39156-5", "Body mass index (BMI) [Ratio]")]),
    laboratory("albumin", "Serum Albumin", "Albumin in serum", "g/dL", 365,
               [("1751-7", "Albumin [Mass/volume] in Serum or Plasma")]),
    laboratory("cholesterol", "Serum Cholesterol", "Cholesterol in serum", "mg/dL", 730,
               [("2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"),
                ("14647-2", "Cholesterol [Moles/volume] in Serum or Plasma")], "C27H46O"),
    laboratory("iron", "Serum Iron", "Iron in serum", "ug/dL", 365,
               [("2498-4", "Iron [Mass/volume] in Serum or Plasma"), ("14798-3", "Iron [Moles/volume] in Serum or Plasma")], "Fe"),
    laboratory("tibc", "TIBC", "Total iron binding capacity", "ug/dL", 365,
               [("2500-7", "Iron binding capacity [Mass/volume] in Serum or Plasma"),
                ("14800-7", "Iron binding capacity [Moles/volume] in Serum or Plasma")], "Fe"),
    laboratory("saturation", "TS", "Transferrin saturation", "%", 365,
               [("2502-3", "Iron saturation [Mass Fraction] in Serum or Plasma"),
                ("14801-5", "Iron saturation [Molar fraction] in Serum or Plasma")]),
    laboratory("protein", "Serum Protein", "Protein in serum", "g/dL", 365, [("2885-2", "Protein [Mass/volume] in Serum or Plasma")]),
    laboratory("magnesium", "Serum Magnesium", "Magnesium in serum", "meq/L", 365,
               [("2601-3", "Magnesium [Moles/volume] in Serum or Plasma"),
                ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma")], "Mg", 2),
    laboratory("leukocytes", "White blood cells", "White blood cells", "10*3/uL", 365,
               [("6690-2", "Leukocytes [#/volume] in Blood by Automated count"), ("26464-8", "Leukocytes [#/volume] in Blood"),
                ("804-5", "Leukocytes [#/volume] in Blood by Manual count")]),
    laboratory("sedimentation", "Sedimentation rate", "Erythrocyte sedimentation rate", "mm/h", 365,
               [("30341-2", "Erythrocyte sedimentation rate"), ("4537-7", "Erythrocyte sedimentation rate by Westergren method")]),
]

# Values by which surveys of this kind mark what is missing, not what was measured. One counts as a code only where it is
# heaped: many times at exactly this value, above nearly everything else.
CODES = (77, 88, 99, 777, 888, 999, 7777, 8888, 9999, 77.7, 88.8, 99.9)


def table(path):
    with open(path, newline="") as f:
        rows = list(csv.reader(f))
    number = [[float(v) if v.strip() not in ("", "nan", "NaN", "NA") else math.nan for v in r] for r in rows[1:]]
    return rows[0], np.array(number, dtype=np.float64)


def without_codes(values):
    """Returns the values with codes for missing turned into NaN, and how many of each code there were."""
    found, out = {}, values.copy()
    for code in CODES:
        same = np.abs(values - code) < 1e-6
        rest = values[~same & ~np.isnan(values)]
        if same.sum() >= 10 and len(rest) and code > np.percentile(rest, 99):
            out[same] = math.nan
            found[str(code)] = int(same.sum())
    return out, found


def load(folder):
    """Returns features, outcome, groups and an account of who was left out."""
    names, x = table(os.path.join(folder, "NHANESI_subset_X.csv"))
    follow = table(os.path.join(folder, "NHANESI_subset_y.csv"))[1][:, 1]
    column = {n: x[:, i] for i, n in enumerate(names)}
    cleaned = {i["name"]: without_codes(column[i["column"]]) for i in INPUTS}
    features = np.column_stack([cleaned[i["name"]][0] for i in INPUTS]).astype(np.float32)
    dead = (follow > 0) & (follow <= HORIZON)
    alive = np.abs(follow) > HORIZON
    use = dead | alive
    account = {"rows": len(follow), "used": int(use.sum()), "died within ten years": int(dead.sum()),
               "alive after ten years": int(alive.sum()),
               "left out: followed for less than ten years, alive when last seen": int(((follow < 0) & ~alive).sum()),
               "left out: no time of follow-up": int((follow == 0).sum()),
               "codes for missing found": {n: c[1] for n, c in cleaned.items() if c[1]}}
    return features[use], dead[use].astype(int), {"race": column["Race"][use].astype(int)}, account


def split(n):
    order = np.random.RandomState(SPLIT_SEED).permutation(n)
    out, at = {}, 0
    for name, share in PARTS:
        end = n if name == PARTS[-1][0] else at + int(round(share * n))
        out[name] = np.sort(order[at:end])
        at = end
    return out


def matrix(x, y=None):
    return xgb.DMatrix(x, label=y, feature_names=[i["name"] for i in INPUTS], nthread=1)


def train(x, y, rounds):
    """Trains on every row as it is and once more with measurements left out at random, half a weight each, so that the way of
    a missing value is learned for every input and not only for those that the survey sometimes lacks."""
    masked = x.copy()
    random = np.random.RandomState(MASK_SEED)
    for j, i in enumerate(INPUTS):
        drop = random.random_sample(len(x)) < DROPPED
        if i["kind"] == "measurement":
            masked[drop, j] = np.nan
    both = matrix(np.vstack([x, masked]), np.concatenate([y, y]))
    both.set_weight(np.full(2 * len(y), 0.5))
    return xgb.train(PARAMS, both, num_boost_round=rounds)


def choose_rounds(x, y):
    """Five-fold cross-validated log loss on the training part; the smallest number of trees within 0.0005 of the best."""
    fold = np.random.RandomState(FOLD_SEED).permutation(len(y)) % 5
    loss = {r: [] for r in ROUNDS}
    for k in range(5):
        booster = train(x[fold != k], y[fold != k], max(ROUNDS))
        for r in ROUNDS:
            p = booster.predict(matrix(x[fold == k]), iteration_range=(0, r)).astype(np.float64)
            t = y[fold == k]
            loss[r].append(float(-np.mean(np.where(t == 1, np.log(p), np.log1p(-p)))))
    mean = {r: float(np.mean(v)) for r, v in loss.items()}
    best = min(mean.values())
    return min(r for r in ROUNDS if mean[r] <= best + 0.0005), {str(r): rounded(v) for r, v in mean.items()}


def margins(booster, model, x):
    """The sum of leaves in float64 in the order of the trees, as the engine takes it; the base of this model is 0."""
    trees = model["learner"]["gradient_booster"]["model"]["trees"]
    leaf = booster.predict(matrix(x), pred_leaf=True).astype(int).reshape(len(x), -1)
    total = np.zeros(len(x))
    for i, t in enumerate(trees):
        total += np.array(t["split_conditions"], dtype=np.float32)[leaf[:, i]].astype(np.float64)
    return total


def logistic(m):
    return 1 / (1 + np.exp(-m))


def rounded(v, digits=4):
    return round(float(v), digits)


def auc(y, s):
    """Area under the curve with its 95 % interval after DeLong; None where there are too few events or non-events."""
    pos, neg = s[y == 1], s[y == 0]
    if len(pos) < FEW or len(neg) < FEW:
        return None
    up = np.array([np.mean((p > neg) + 0.5 * (p == neg)) for p in pos])
    down = np.array([np.mean((pos > q) + 0.5 * (pos == q)) for q in neg])
    a = float(np.mean(up))
    half = 1.959964 * math.sqrt(np.var(up, ddof=1) / len(pos) + np.var(down, ddof=1) / len(neg))
    return {"value": rounded(a), "low": rounded(max(0, a - half)), "high": rounded(min(1, a + half))}


def recalibration(y, m):
    """Intercept and slope of a logistic regression of the outcome on the margin, by Newton's method."""
    x = np.column_stack([np.ones(len(m)), m])
    b = np.zeros(2)
    for _ in range(50):
        p = logistic(x @ b)
        b = b + np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x, x.T @ (y - p))
    a = 0.0  # the intercept alone, slope held at 1
    for _ in range(50):
        p = logistic(m + a)
        a += float(np.sum(y - p) / np.sum(p * (1 - p)))
    return {"intercept": rounded(b[0]), "slope": rounded(b[1]), "intercept in the large": rounded(a)}


def deciles(y, p):
    out = []
    for part in np.array_split(np.argsort(p, kind="stable"), 10):
        out.append({"n": len(part), "predicted": rounded(p[part].mean()), "observed": rounded(y[part].mean()), "events": int(y[part].sum())})
    return out


def performance(y, m):
    p, d = logistic(m), deciles(y, logistic(m))
    expected = float(p.sum())
    return {"n": len(y), "events": int(y.sum()), "auc": auc(y, m), "brier": rounded(np.mean((p - y) ** 2)),
            "brier of the mean": rounded(np.mean((y.mean() - y) ** 2)),
            "ece": rounded(sum(r["n"] * abs(r["predicted"] - r["observed"]) for r in d) / len(y)),
            "observed/expected": rounded(y.sum() / expected), "recalibration": recalibration(y, m), "deciles": d}


def subgroups(x, y, m, race):
    age, sex, p = x[:, 0], x[:, 1], logistic(m)
    rows = [("sex", "male", sex == 1), ("sex", "female", sex == 2)]
    rows += [("age", "%d to %d" % b, (age >= b[0]) & (age <= b[1])) for b in AGE_BANDS]
    rows += [("race (not an input)", name, race == code) for code, name in sorted(RACES.items())]
    out = []
    for by, name, here in rows:
        n, events = int(here.sum()), int(y[here].sum())
        row = {"by": by, "group": name, "n": n, "events": events, "auc": auc(y[here], m[here]) if n else None,
               "observed/expected": None, "low": None, "high": None}
        if events >= FEW:
            ratio, spread = y[here].sum() / p[here].sum(), 1.959964 / math.sqrt(events)
            row.update({"observed/expected": rounded(ratio), "low": rounded(ratio * math.exp(-spread)), "high": rounded(ratio * math.exp(spread))})
        out.append(row)
    return out


def absences(booster, model, x, y):
    """The test part with one input, or several, taken away from everybody."""
    names = [i["name"] for i in INPUTS]
    measured = [i["name"] for i in INPUTS if i["kind"] == "measurement"]
    bedside = ["systolic", "diastolic", "bmi"]
    sets = [(n, [n]) for n in measured] + [("blood pressure and BMI", bedside), ("iron, tibc and saturation", ["iron", "tibc", "saturation"]),
                                          ("every laboratory value", [n for n in measured if n not in bedside]), ("every measurement", measured)]
    out = []
    for title, gone in sets:
        less = x.copy()
        less[:, [names.index(n) for n in gone]] = np.nan
        m = margins(booster, model, less)
        out.append({"absent": title, "auc": auc(y, m), "brier": rounded(np.mean((logistic(m) - y) ** 2)), "observed/expected": rounded(y.sum() / logistic(m).sum())})
    return out


def cross(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def slopes(diagram):
    """See FitVennAbers in predict/conformal, which this mirrors."""
    d = [(-1, -1)] + diagram
    stack = []

    def push(p):
        while len(stack) > 1 and cross(p, stack[-1], stack[-2]) <= 0:
            stack.pop()
        stack.append(p)

    for p in reversed(d):
        push(p)
    out = []
    for i in range(len(d) - 2):
        a, b = stack[-1], stack[-2]
        out.append((b[0] - a[0], b[1] - a[1]))
        d[i + 1] = (d[i][0] + d[i + 2][0] - d[i + 1][0], d[i][1] + d[i + 2][1] - d[i + 1][1])
        if cross(a, b, d[i + 1]) < 0:
            stack.pop()
            push(d[i + 1])
    return out


def steps(at, values, last):
    """Joins steps of the same value: keeps the last score of each when last holds, else the first."""
    s = {"score": [], "positives": [], "rows": []}
    for i, (n, k) in enumerate(values):
        j = i + 1 if last else i - 1
        if not 0 <= j < len(values) or k * values[j][0] != values[j][1] * n:
            s["score"].append(at[i])
            s["positives"].append(k)
            s["rows"].append(n)
    return s


def venn_abers(scores, y):
    """The calibration table venn-abers/1 of scores and outcomes."""
    at = sorted(set(float(s) + 0.0 for s in scores))
    place = {s: i for i, s in enumerate(at)}
    rows, positives = [0] * len(at), [0] * len(at)
    for s, t in zip(scores, y):
        rows[place[float(s)]] += 1
        positives[place[float(s)]] += int(t)
    diagram = [(0, 0)]
    for n, k in zip(rows, positives):
        diagram.append((diagram[-1][0] + n, diagram[-1][1] + k))
    end = diagram[-1]
    flip = [(end[0] - n, end[0] - n - (end[1] - k)) for n, k in reversed(diagram)]
    p0 = [(n, n - k) for n, k in reversed(slopes(flip))]
    return {"schema": "ward/calibration/1", "method": "venn-abers/1", "rows": end[0], "positives": end[1],
            "p0": steps(at, p0, False), "p1": steps(at, slopes(diagram), True)}


def interval(c, score):
    p0 = [k / n for s, k, n in zip(*[c["p0"][f] for f in ("score", "positives", "rows")]) if s <= score]
    p1 = [k / n for s, k, n in zip(*[c["p1"][f] for f in ("score", "positives", "rows")]) if s >= score]
    return (p0[-1] if p0 else 0.0), (p1[0] if p1 else 1.0)


def venn_abers_performance(c, y, m):
    both = np.array([interval(c, s) for s in m])
    width = both[:, 1] - both[:, 0]
    return {"n": len(y), "events": int(y.sum()), "sum of p0": rounded(both[:, 0].sum(), 2), "sum of p1": rounded(both[:, 1].sum(), 2),
            "width, median": rounded(np.median(width)), "width, 95th percentile": rounded(np.percentile(width, 95)),
            "steps": len(c["p0"]["score"]) + len(c["p1"]["score"])}


def inputs(x):
    out = []
    for j, i in enumerate(INPUTS):
        v = x[:, j][~np.isnan(x[:, j])].astype(np.float64)
        row = {k: i[k] for k in ("name", "title", "kind", "unit", "codes", "molecule", "maxAgeDays") if k in i}
        row.update({"coding": i.get("coding", {}), "low": rounded(v.min(), 2), "high": rounded(v.max(), 2),
                    "median": rounded(np.median(v), 2), "missing": rounded(np.isnan(x[:, j]).mean()), "missingAllowed": i["kind"] == "measurement"})
        out.append(row)
    return out


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def write(path, value, compact=False):
    text = json.dumps(value, separators=(",", ":")) if compact else json.dumps(value, indent=1, ensure_ascii=False)
    with open(path, "w", encoding="utf-8", newline="\n") as f:
        f.write(text + "\n")


def main(data, out):
    os.makedirs(out, exist_ok=True)
    x, y, groups, account = load(data)
    parts = split(len(y))
    xs, ys = {k: x[v] for k, v in parts.items()}, {k: y[v] for k, v in parts.items()}
    rounds, losses = choose_rounds(xs["train"], ys["train"])
    booster = train(xs["train"], ys["train"], rounds)
    booster.save_model(os.path.join(out, "model.json"))
    with open(os.path.join(out, "model.json")) as f:
        model = json.load(f)
    m = {k: margins(booster, model, xs[k]) for k in parts}
    calibration = venn_abers(m["calibration"].tolist(), ys["calibration"].tolist())
    write(os.path.join(out, "calibration.json"), calibration, compact=True)
    write(os.path.join(out, "inputs.json"), inputs(xs["train"]))
    card = {
        "name": "mortality-ten-year", "title": "Ten-year mortality of adults", "horizonYears": HORIZON,
        "data": {"name": "NHANES I (1971 to 1975) with epidemiologic follow-up, the subset published with the Python package shap",
                 "sha256": {f: digest(os.path.join(data, f)) for f in ("NHANESI_subset_X.csv", "NHANESI_subset_y.csv")}, "account": account},
        "parts": {k: {"n": len(ys[k]), "events": int(ys[k].sum())} for k in parts},
        "training": {"xgboost": xgb.__version__, "numpy": np.__version__, "parameters": PARAMS, "trees": rounds,
                     "cross-validated log loss by number of trees": losses, "seeds": {"split": SPLIT_SEED, "folds": FOLD_SEED, "mask": MASK_SEED}},
        "performance": {"test": performance(ys["test"], m["test"]), "train AUC, for comparison": auc(ys["train"], m["train"])},
        "subgroups": subgroups(xs["test"], ys["test"], m["test"], groups["race"][parts["test"]]),
        "missing": {"dropped at random in the second copy of the training rows": DROPPED, "test": absences(booster, model, xs["test"], ys["test"])},
        "interval": venn_abers_performance(calibration, ys["test"], m["test"]),
        "inputs": inputs(xs["train"]),
        "files": {f: digest(os.path.join(out, f)) for f in ("model.json", "calibration.json", "inputs.json")},
    }
    write(os.path.join(out, "card.json"), card)
    with open(os.path.join(out, "CARD.md"), "w", encoding="utf-8", newline="\n") as f:
        f.write(markdown(card))


def row(*cells):
    return "| " + " | ".join("" if c is None else str(c) for c in cells) + " |\n"


def span(a):
    return "not shown (fewer than %d)" % FEW if a is None else "%.3f (%.3f to %.3f)" % (a["value"], a["low"], a["high"])


def ratio(s):
    return None if s["observed/expected"] is None else "%.2f (%.2f to %.2f)" % (s["observed/expected"], s["low"], s["high"])


def markdown(c):
    t, a, tr = c["performance"]["test"], c["data"]["account"], c["training"]
    s = TEXT % {"used": a["used"], "rows": a["rows"], "dead": a["died within ten years"], "alive": a["alive after ten years"],
                "short": a["left out: followed for less than ten years, alive when last seen"],
                "none": a["left out: no time of follow-up"], "trees": tr["trees"], "depth": tr["parameters"]["max_depth"],
                "xgboost": tr["xgboost"], "codes": json.dumps(a["codes for missing found"]) if a["codes for missing found"] else "none found"}
    s += "\n## Parts\n\nEach patient is one row and stands in one part.\n\n" + row("part", "patients", "deaths") + row("---", "---", "---")
    s += "".join(row(k, v["n"], v["events"]) for k, v in c["parts"].items())
    s += "\n## Performance on the test part\n\n" + row("measure", "value") + row("---", "---")
    s += row("AUC (95 % interval, DeLong)", span(t["auc"])) + row("AUC on the training part, for comparison", span(c["performance"]["train AUC, for comparison"]))
    s += row("Brier score", t["brier"]) + row("Brier score of the mean risk", t["brier of the mean"]) + row("ECE, ten equal groups", t["ece"])
    s += row("observed / expected", t["observed/expected"]) + row("calibration intercept, slope at 1", t["recalibration"]["intercept in the large"])
    s += row("calibration intercept and slope", "%s and %s" % (t["recalibration"]["intercept"], t["recalibration"]["slope"]))
    s += "\n" + row("decile of risk", "n", "predicted", "observed", "deaths") + row(*["---"] * 5)
    s += "".join(row(i + 1, d["n"], d["predicted"], d["observed"], d["events"]) for i, d in enumerate(t["deciles"]))
    s += "\n## Subgroups of the test part\n\n" + row("by", "group", "n", "deaths", "AUC (95 %)", "observed / expected (95 %)") + row(*["---"] * 6)
    s += "".join(row(g["by"], g["group"], g["n"], g["events"], span(g["auc"]), ratio(g)) for g in c["subgroups"])
    s += "\n## With inputs missing\n\nThe test part with inputs taken away from everybody.\n\n" + row("absent", "AUC (95 %)", "Brier", "observed / expected") + row(*["---"] * 4)
    s += "".join(row(g["absent"], span(g["auc"]), g["brier"], g["observed/expected"]) for g in c["missing"]["test"])
    v = c["interval"]
    s += "\n## Interval\n\nInductive Venn-Abers, fitted on the calibration part. Test part: %d deaths; the lower probabilities sum to %s, the upper ones to %s;\nmedian width %s, 95th percentile %s.\n" % (
        v["events"], v["sum of p0"], v["sum of p1"], v["width, median"], v["width, 95th percentile"])
    s += "\n## Inputs\n\n" + row("name", "unit", "seen from", "to", "median", "missing in training") + row(*["---"] * 6)
    s += "".join(row(i["name"], "`%s`" % i["unit"], i["low"], i["high"], i["median"], i["missing"]) for i in c["inputs"])
    return s


TEXT = """# Ten-year mortality of adults

Gradient-boosted trees (XGBoost %(xgboost)s, %(trees)d trees of depth %(depth)d at most) that estimate the probability of death from any cause within
ten years of the measurements.

**An example, not for care.** People, laboratory methods and mortality have changed since the 1970s; on patients of today the
estimate is expected to be too high, and nobody has validated it on them.

## Outcome and who was left out

Of %(rows)d adults of 25 to 74 years, %(used)d are used: %(dead)d died within ten years (1), %(alive)d were alive after ten years (0), whatever
came later. Left out, because the outcome is not known: %(short)d who were alive when last seen, before ten years, and %(none)d without any
time of follow-up. Leaving them out is not the same as modelling censoring, and those without follow-up may differ from the rest.

## What it must not be used for

- Deciding to give or to withhold treatment; triage; insurance; anything about a person below 25 or above 74 years.
- Patients in hospital: the survey examined people living at home.
- Race and the poverty index are not inputs. Sex and age are. Race appears below only to show how the model does.
- Sex is recorded as male or female in the data.
- The sedimentation rate was taken by the method of its time; methods differ.
- The survey sampled by design; the weights are not used, so the numbers describe the sample, not the population.

Codes for missing values in the columns used: %(codes)s. Measurements may be missing,
age and sex may not: every training row was used a second time with three in ten measurements left out at random. Real
laboratories do not leave values out at random; the table below shows what the model does without them.
"""


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
