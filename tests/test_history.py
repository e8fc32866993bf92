"""The record of speed: which commits it has, what is kept of it, its picture."""

import pytest

pytest.importorskip("asv", reason="asv is not installed")
pytest.importorskip("matplotlib", reason="matplotlib is not installed")
from asv import results, util

from benches.common.cases import CASES
from benches.reports import history, history_chart

HOUR = 3600
MACHINES = [path.parent.name for path in history.RESULTS.glob("*/machine.json")]


def test_the_last_commit_of_each_six_hours_counts():
    times = {"first": HOUR, "a": 2 * HOUR, "b": 5 * HOUR, "c": 6 * HOUR, "d": 25 * HOUR}
    assert history.spread(times) == ["first", "b", "c", "d"]
    assert history.spread({"first": HOUR}) == ["first"]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """The results of two commits for a machine: of all cases, and of those that run."""
    monkeypatch.setattr(history, "RESULTS", tmp_path)
    monkeypatch.setattr(history_chart, "RESULTS", tmp_path)
    times = {"a" * 40: 100 * 86400, "b" * 40: 101 * 86400}
    seconds = {
        (commit, threads, case): (2 if threads else 1) * 1e-3
        for commit in times
        for threads in history.BENCHMARKS
        for case in CASES
        if (commit[0], case) != ("a", "tiny")
    }
    history.write(seconds, times, {"machine": "m", "cpu": "AMD", "os": "Linux"})
    return tmp_path


def test_asv_reads_what_is_written(written):
    first, second = sorted(results.iter_results_for_machine(written, "m"), key=lambda r: r.date)
    assert (first.commit_hash, first.date) == ("a" * 40, 100 * 86400 * 1000)
    params = [[repr("tiny"), repr("sci")], [repr(history.OPTIMIZER)]]
    one_thread, default = history.BENCHMARKS[1], history.BENCHMARKS[None]
    assert first.get_result_value(one_thread, params) == [None, 2e-3]
    assert second.get_result_value(default, params) == [1e-3, 1e-3]


def test_the_picture_has_a_panel_for_each_case(written, tmp_path):
    history_chart.draw("m", tmp_path / "speed.svg")
    text = (tmp_path / "speed.svg").read_text()
    missing = [
        name for name, case in CASES.items() if f"<!-- {name}, batch {case.batch_size}" not in text
    ]
    assert not missing


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_kept_can_be_read_and_is_small(machine):
    folder = history.RESULTS / machine
    found = list(results.iter_results_for_machine(history.RESULTS, machine))
    assert len(found) == len(list(folder.glob("*.json"))) - 1
    params = [[repr(case) for case in CASES], [repr(history.OPTIMIZER)]]
    for each in found:
        for name in history.BENCHMARKS.values():
            values = each.get_result_value(name, params)
            known = [value for value in values if not util.is_na(value)]  # of a later case, none
            assert known, each.commit_hash
            assert all(value > 0 for value in known), each.commit_hash
    assert sum(path.stat().st_size for path in history.RESULTS.rglob("*.json")) < 2e6
