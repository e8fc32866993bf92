"""scikit-learn's own tests of its perceptrons, with the classes here in place of its.

None is left out: the six that reach into private parts find them here too.
"""

import importlib.util

import pytest
from helpers.run_mode import PLAIN
from sklearn import neural_network

from fastgrad.sklearn import MLPClassifier, MLPRegressor

if PLAIN:
    pytest.skip("whole fits, of which the loops are tested elsewhere", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # as scikit-learn runs them


def _suite():
    """The module of the tests, which has taken the two classes for scikit-learn's."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for estimator in (MLPClassifier, MLPRegressor):
            patch.setattr(neural_network, estimator.__name__, estimator)
        spec.loader.exec_module(module)
    return module


SUITE = _suite()
globals().update({name: test for name, test in vars(SUITE).items() if name.startswith("test_")})


@pytest.fixture
def global_random_seed():
    return 42  # as in scikit-learn's own conftest.py


def test_the_classes_are_replaced():
    assert SUITE.MLPClassifier is MLPClassifier
    assert SUITE.MLPRegressor is MLPRegressor
    assert sum(name.startswith("test_") for name in vars(SUITE)) >= 37
