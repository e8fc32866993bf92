"""Small fleets, the same networks by fits of their own, and that both are equal."""

import warnings

import numpy as np

import fastgrad as fg

S = 90
rng = np.random.default_rng(0)
X = rng.normal(size=(S, 3)).astype("float32")
Y = np.stack([X[:, 0] * X[:, 1], X[:, 2]], axis=1).astype("float32")
IDS = (X[:, 0] > 0).astype(int)
SUBSETS = [None, rng.integers(S, size=120), np.arange(5), X[:, 0] > 0, [7]]


def networks(n=5, sizes=(3, 8, 2), seed=0, **options):
    return [fg.Network(sizes, "tanh", seed=seed + k, **options) for k in range(n)]


def fits(
    nets, X=X, Y=Y, subsets=None, optimizer=lambda k: fg.Adam(), callbacks=None,
    validation_subsets=None, **options,
):  # fmt: skip
    """The same by fits of their own."""
    histories = []
    weights = options.pop("sample_weight", None)
    for k, net in enumerate(nets):
        rows = slice(None) if subsets is None or subsets[k] is None else subsets[k]
        own = {} if weights is None else {"sample_weight": weights[rows]}
        own |= {} if callbacks is None else {"callbacks": callbacks(k)}
        if validation_subsets is not None and (held := validation_subsets[k]) is not None:
            own["validation"] = X[held], Y[held]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            histories.append(net.fit(X[rows], Y[rows], optimizer=optimizer(k), **own, **options))
    return histories


def assert_same(nets, twins, histories, expected):
    for k, (net, twin) in enumerate(zip(nets, twins, strict=True)):
        assert net.parameters.tobytes() == twin.parameters.tobytes(), k
        assert net.rng.bit_generator.state == twin.rng.bit_generator.state, k
        for ours, of_twin in ((net.inputs, twin.inputs), (net.targets, twin.targets)):
            assert ours.standardized == of_twin.standardized, k
            assert ours.mean.tobytes() == of_twin.mean.tobytes(), k
            assert ours.scale.tobytes() == of_twin.scale.tobytes(), k
        found, of_own = (history.columns() for history in (histories[k], expected[k]))
        assert found.keys() == of_own.keys()
        for name in found.keys() - {"seconds"}:
            values = [np.where(np.isfinite(v), v, np.nan) for v in (found[name], of_own[name])]
            np.testing.assert_allclose(*values, rtol=1e-6, err_msg=f"{k} {name}")
        assert histories[k].samples == expected[k].samples
        # whether a cost that overflows, or a weight, is found first depends on the clock
        stopped = [str(of[k].stopped).replace("is nan", "is inf") for of in (histories, expected)]
        assert stopped[0] == stopped[1]
