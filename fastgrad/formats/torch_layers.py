"""What PyTorch has no module for; imported where PyTorch is, so that modules can be pickled."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

__all__ = ["Clamp", "Destandardize", "Exp", "Mean", "PerHead", "Sin", "Standardize"]


class Standardize(nn.Module):
    """(x - mean) scale: the inputs of mean 0 and standard deviation 1.

    Parameters
    ----------
    mean, scale : torch.Tensor
        (n_0,) each.
    """

    def __init__(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Standardise inputs, (S, n_0)."""
        return (x - self.mean) * self.scale


class Destandardize(nn.Module):
    """a scale + mean: outputs in the unit of the targets, in float64.

    Parameters
    ----------
    mean, scale : torch.Tensor
        (n_L,) each, float64: a mean of 1e9 and a scale of 1 need more digits than float32 has.
    """

    def __init__(self, mean: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        """Decode outputs, (S, n_L)."""
        return a * self.scale + self.mean


class Sin(nn.Module):
    """sin u."""

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Apply it to each number."""
        return torch.sin(u)


class Exp(nn.Module):
    """e^a: the link of a Poisson cost."""

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        """Apply it to each number."""
        return torch.exp(a)


class Clamp(nn.Module):
    """Predictions within limits.

    Parameters
    ----------
    least, most : float
        The smallest and the largest; they may be equal.
    """

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self.least, self.most = least, most

    def forward(self, p: torch.Tensor) -> torch.Tensor:
        """Apply it to each number."""
        return torch.clamp(p, self.least, self.most)

    def extra_repr(self) -> str:
        """The limits, for repr."""
        return f"{self.least}, {self.most}"


class PerHead(nn.Module):
    """A link for each group of outputs.

    Parameters
    ----------
    links : iterable of torch.nn.Module
        One per group.
    nodes : sequence of int
        The outputs of each group.
    """

    def __init__(self, links: Any, nodes: Sequence[int]) -> None:
        super().__init__()
        self.links, self.nodes = nn.ModuleList(links), [*nodes]

    def forward(self, a: torch.Tensor) -> torch.Tensor:
        """Apply them to outputs, (S, n_L)."""
        groups = a.split(self.nodes, 1)
        return torch.cat([f(group) for f, group in zip(self.links, groups, strict=True)], 1)

    def extra_repr(self) -> str:
        """The groups, for repr."""
        return f"nodes={self.nodes}"


class Mean(nn.Module):
    """The weighted mean of the predictions of several networks.

    Parameters
    ----------
    members : iterable of torch.nn.Module
        The networks.
    weights : sequence of float
        One per network, with the sum 1.
    limits : torch.nn.Module
        What is done with the mean.
    """

    def __init__(self, members: Any, weights: Sequence[float], limits: nn.Module) -> None:
        super().__init__()
        self.member, self.weights, self.limits = nn.ModuleList(members), [*weights], limits

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Predict, (S, n_L)."""
        first, *others = self.member
        mean = self.weights[0] * first(x)
        for network, weight in zip(others, self.weights[1:], strict=True):
            mean = mean + weight * network(x)
        return self.limits(mean)

    def extra_repr(self) -> str:
        """The weights, for repr."""
        return f"weights={self.weights}"
