"""What the file of a table's model holds beside its networks."""

from collections.abc import Sequence
from typing import Any

from ..data.table_encoder import TableEncoder
from ..data.targets import TargetEncoder
from ..network import Network
from . import ensemble
from .recipe import COSTS
from .scores import checked_baseline

__all__ = ["parts_of_file"]


def parts_of_file(networks: Sequence[Network], described: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a model by name.

    Parameters
    ----------
    networks : sequence of Network
        Those of the file.
    described : dict
        Its metadata; what they say of the model is taken out.

    Raises
    ------
    TypeError, ValueError
        If something is not as `TableModel.save` writes it.
    """
    net, config = networks[0], described.pop("encoder", None)
    encoder = None if config is None else TableEncoder.from_config(config, net.n_inputs)
    if described.get("task") in COSTS:
        targets = TargetEncoder.from_metadata(described)
    else:  # of a network that was saved without
        targets = TargetEncoder.from_cost(net.cost_function, net.n_outputs)
    targets.check_outputs(net.n_outputs)
    averaged = ensemble.of_file(networks, described)
    baseline = checked_baseline(described.pop("baseline", []), targets.classes)
    metadata = {k: v for k, v in described.items() if k not in targets.metadata}
    return {
        "encoder": encoder, "targets": targets, "ensemble": averaged, "baseline": baseline,
        "metadata": metadata,
    }  # fmt: skip
