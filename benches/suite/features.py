"""What each feature of training adds to an epoch."""

from typing import ClassVar

from benches.common.cases import CASES
from benches.common.features import FEATURES, training


class Features:
    """One epoch with each feature, on one thread."""

    params: ClassVar = [["rl", "tab"], list(FEATURES)]
    param_names: ClassVar = ["case", "feature"]

    def setup(self, case, feature):
        case = CASES[case]
        self.run = training(case, case.data(), FEATURES[feature], threads=1)

    def time_epoch(self, case, feature):
        self.run()
