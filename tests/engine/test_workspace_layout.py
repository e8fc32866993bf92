"""Where arrays lie, from sizes alone: within their memory, without overlap."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fastgrad.engine.layer_kinds.base import Columns
from fastgrad.engine.layer_kinds.dense import DENSE
from fastgrad.engine.workspace_layout import CACHE_LINE, ParameterLayout, WorkspaceLayout

sizes = st.lists(st.integers(1, 200), min_size=2, max_size=5)
dtypes = st.sampled_from([np.dtype("float32"), np.dtype("float64")])


def layouts(sizes, dtype, batch_size=100, copies=1):
    kinds = (DENSE,) * (len(sizes) - 1)
    parameters = ParameterLayout(sizes, kinds)
    layout = WorkspaceLayout(parameters, dtype, threads=4)
    microbatch = layout.microbatch_for(batch_size)
    return parameters, WorkspaceLayout(parameters, dtype, 4, microbatch, copies)


@given(sizes)
def test_parameters_do_not_overlap(sizes):
    parameters, _ = layouts(sizes, np.dtype("float32"))
    flat = np.zeros(parameters.n_parameters, int)
    for l, (W, b) in enumerate(parameters.views(flat), start=1):
        assert W.shape == (sizes[l], sizes[l - 1])
        assert b.shape == (sizes[l],)
        W += 1
        b += 1
    assert flat.max() == 1
    assert flat.sum() == sum(n * m + m for n, m in pairwise(sizes))


@given(sizes)
def test_parameters_begin_and_end_with_cache_lines_whatever_the_kind_of_layer(sizes):
    narrow = DENSE._replace(columns=lambda before: Columns(1, 1))
    parameters = ParameterLayout(sizes, (narrow,) * (len(sizes) - 1))
    offsets = parameters.layers[["W_offset", "b_offset"]].tolist()
    assert not np.any(np.array([*offsets[1:], [parameters.n_parameters, 0]]) % 16)


@given(sizes, dtypes, st.integers(1, 3000), st.sampled_from([1, 4]))
def test_scratch_arrays_are_within_the_memory_and_do_not_overlap(sizes, dtype, batch_size, copies):
    _, layout = layouts(sizes, dtype, batch_size, copies)
    base = 10 * CACHE_LINE
    table, fields = layout.place(base)
    per_node = layout.microbatch * dtype.itemsize
    ranges = []
    for l, layer in enumerate(table):
        for field in layout.fields_of(l):
            n_copies = copies if l == 0 and field in {"a", "aT"} else 1
            n_bytes = int(layer["padded_nodes"]) * per_node * n_copies
            ranges.append((int(layer[field]), n_bytes))
            assert n_copies == 1 or layout.copy_bytes * n_copies == n_bytes
    ranges.append((fields["y"], int(table[-1]["padded_nodes"]) * per_node))
    ranges.append((fields["w"], layout.threads * per_node))
    ranges.sort()
    assert all(address % CACHE_LINE == 0 for address, _ in ranges)
    for (address, n_bytes), (following, _) in pairwise(ranges):
        assert address + n_bytes <= following
    assert sum(ranges[-1]) <= base + layout.scratch_bytes


@given(sizes, dtypes, st.integers(1, 10**6))
def test_a_microbatch_does_not_depend_on_the_number_of_threads(sizes, dtype, batch_size):
    parameters, layout = layouts(sizes, dtype)
    others = [WorkspaceLayout(parameters, dtype, threads) for threads in (1, 64)]
    assert len({other.microbatch_for(batch_size) for other in others}) == 1
    assert layout.microbatch_for(batch_size) % layout.lanes == 0
