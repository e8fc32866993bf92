"""A model of a table: from columns of any kind to classes or numbers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import frames, validation
from ..data.cells import MISSING_WORDS, not_among
from ..data.samples import Samples, columns_like, is_row, load_samples
from ..data.table import Table
from ..data.table_encoder import TableEncoder
from ..data.targets import TargetEncoder, Task
from ..fleets.ensemble import Ensemble
from ..fleets.files import read_networks, write_networks
from ..formats.exports import Exports
from ..formats.portable import PortableModel
from ..kernels import costs
from ..kernels.activations import Activation
from ..kernels.costs import Cost
from ..network import Network
from . import ensemble
from .checkpoints import CheckpointFolder
from .ensemble import Member
from .model_file import parts_of_file
from .plain_inputs import plain_inputs
from .recipe import COSTS, SCALING, Recipe, default_recipe
from .scores import Score, baseline, scores_of

__all__ = ["TableModel"]

Array = NDArray[Any]


class TableModel(Exports):
    """Networks with all that turns a table into inputs and their outputs into answers.

    `fit` reads columns as they are: numbers, text, booleans, dates, missing values. It finds what
    the target is, and trains networks by a recipe, each stopped early on samples of its own.

    Parameters
    ----------
    task : {"classification", "regression"}, optional
        Found from the target by default: text, booleans and few whole numbers are classes.
    categorical : sequence of str
        Columns that are categories although they are numbers, or text of many values.
    ignore : sequence of str or int
        Columns to leave out: names or positions (from 1).
    missing : collection of str
        Words that stand for a missing value in text.
    header : bool, optional
        Whether a text file has a header; found from its first rows by default.
    cost : str or Cost, optional
        "softmax_cross_entropy" for classes, "squared_error" for numbers.
    dtype : {"float32", "float64"}, default "float32"
        Of the networks.
    seed : int, default 0
        Of all random numbers.
    threads : int, optional
        Number of threads; None: as many as are of use. The result does not depend on it.
    extrapolate : bool, default False
        Whether predicted numbers may be beyond those of training; by default they end at the
        smallest and the largest.
    **recipe
        Fields of `Recipe` instead of those that follow from the table: layers, activation, dropout,
        l2, weight_decay, learning_rate, schedule, batch_size, epochs, patience, members.

    Attributes
    ----------
    encoder : TableEncoder or None
        From the columns to the inputs; None for arrays of numbers.
    targets : TargetEncoder
        From the target to what the cost compares with; `classes` are its labels.
    members : list of Member
        The deep networks with their histories, after `fit`; without any the linear ones.
    ensemble : Ensemble
        Of the deep networks, and last the mean of the linear ones, if it is of use; their shares
        are those that served best on the rows that each held out.
    recipe : Recipe
        How they were trained.

    Examples
    --------
    >>> import fastgrad as fg
    >>> rows = [{"size": k % 7, "colour": "red" if k % 7 > 3 else "blue"} for k in range(60)]
    >>> fg.TableModel().fit(rows, target="colour").predict([{"size": 6}, {"size": 0}]).tolist()
    ['red', 'blue']
    """

    encoder: TableEncoder | None
    targets: TargetEncoder
    recipe: Recipe
    ensemble: Ensemble

    def __init__(
        self,
        *,
        task: Task | None = None,
        categorical: Sequence[str] = (),
        ignore: Sequence[str | int] = (),
        missing: Sequence[str] = MISSING_WORDS,
        header: bool | None = None,
        cost: str | Cost | None = None,
        dtype: str = "float32",
        seed: int = 0,
        threads: int | None = None,
        extrapolate: bool = False,
        **recipe: Any,
    ) -> None:
        names = [field.name for field in fields(Recipe)]
        for name in recipe.keys() - {*names}:
            raise TypeError(f"TableModel: got an argument {not_among(name, names)}")
        self.task, self.categorical, self.ignore = task, categorical, ignore
        self.missing, self.header, self.cost = validation.texts("missing", missing), header, cost
        self.dtype, self.seed = dtype, validation.integer("seed", seed, least=0)
        self.threads = None if threads is None else validation.integer("threads", threads, least=1)
        self.extrapolate = validation.flag("extrapolate", extrapolate)
        self.given = {name: value for name, value in recipe.items() if value is not None}
        self.metadata: dict[str, Any] = {}
        self.members: list[Member] = []

    def __getattr__(self, name: str) -> Any:
        """Say what is missing before the model is trained or loaded."""
        raise AttributeError(f"TableModel: got no {name}; expected fit or load before")

    def fit(
        self,
        table: Any,
        target: str | int | None = None,
        *,
        on_finished: Callable[[int, Member], None] = lambda k, member: None,
    ) -> Self:
        """Train on a table.

        Parameters
        ----------
        table : DataFrame, path, list of dicts, ...
            As `fastgrad.data.read` takes it.
        target : str or int, optional
            The column to predict: its name or position (from 1); by default the last one. Rows in
            which it is missing are left out.
        on_finished : callable
            Called with the number of a network, from 0, and the `Member`, when it is trained.

        Returns
        -------
        TableModel
            Itself.

        Raises
        ------
        ValueError, TypeError
            One line: what was received, where, and what is expected.
        """
        return self.fit_samples(self.read(table, target=target), on_finished=on_finished)

    def read(self, table: Any, **options: Any) -> Samples:
        """Read samples for `fit_samples`.

        Parameters
        ----------
        table, **options
            As `fastgrad.data.samples.load_samples` takes them.
        """
        return load_samples(
            table, ignore=self.ignore, text=self.categorical, missing=self.missing,
            header=self.header, **options,
        )  # fmt: skip

    def fit_samples(
        self,
        samples: Samples,
        *,
        on_begin: Callable[[], None] = lambda: None,
        on_finished: Callable[[int, Member], None] = lambda k, member: None,
        checkpoints: CheckpointFolder | None = None,
    ) -> Self:
        """Train on samples that have been read.

        Parameters
        ----------
        samples : Samples
            As `read` returns them.
        on_begin : callable
            Called without arguments when the encoders and the recipe are known.
        on_finished : callable
            As for `fit`.
        checkpoints : CheckpointFolder, optional
            From which the training resumes, and to which it writes.
        """
        targets, y = samples.encoded_targets(self.task)
        encoder = None
        if isinstance(samples.inputs, Table):
            encoder = TableEncoder(categorical=self.categorical, scaling=SCALING, dtype=self.dtype)
            X = encoder.fit_transform(samples.inputs)
        else:
            X = samples.inputs
        classes = targets.classes
        n_classes = len(classes) if classes else None
        recipe = replace(default_recipe(len(X), n_classes), **self.given)
        cost = costs.cost(self.cost or COSTS[targets.task])

        def network(of_member: Recipe, seed: int) -> Network:
            return of_member.network(
                X.shape[1], n_classes or 1, cost=cost, dtype=self.dtype, seed=seed,
                standardize=encoder is None and not samples.is_image,
                standardize_targets=not classes and cost.targets == "real",
            )  # fmt: skip

        self.encoder, self.targets, self.recipe = encoder, targets, recipe
        self.baseline = [*map(float, baseline(y, classes))]
        Y = targets.encode(y, cost, n_classes or 1)
        members = ensemble.train_members(
            network, X, Y, y if classes else None, recipe, self.seed, self.threads, on_begin,
            on_finished, checkpoints,
        )  # fmt: skip
        share = ensemble.held_out_share(members, X, Y)
        self.members = [m for m in members if m.is_linear is not bool(share)]
        self.ensemble = ensemble.averaged(members, share)
        return self

    @property
    def networks(self) -> list[Network]:
        """The networks whose predictions are averaged."""
        return self.ensemble.networks

    def predict(self, table: Any) -> Array:
        """Predict the target of each row: labels as they were in training, or numbers.

        Parameters
        ----------
        table : DataFrame, path, list of dicts, ... or a dict
            The columns of training, by their names, in any order; others are ignored. A dict, or a
            DataFrame of one row, is fast.

        Returns
        -------
        (S,) array
            Labels or numbers.
        """
        p = self.outputs(self.inputs(table))
        return self.targets.decode(p, self.networks[0].cost_function).reshape(len(p))

    def predict_proba(self, table: Any) -> Array:
        """Predict the probability of each class, (S, K), in the order of `classes`.

        Parameters
        ----------
        table
            As for `predict`.

        Raises
        ------
        ValueError
            If the targets are numbers.
        """
        if not self.gives_probabilities:
            raise ValueError("predict_proba: the model gives no probabilities; expected classes")
        return self.targets.probabilities(self.outputs(self.inputs(table)))

    def scores(self, table: Any) -> list[Score]:
        """How good the predictions for a table with targets are.

        Parameters
        ----------
        table
            As for `fit`.

        Returns
        -------
        list of Score
            Accuracy, balanced accuracy, log-loss and ROC AUC, or R2, RMSE and MAE, each with its
            interval and the value of a baseline.
        """
        return self.scores_of(*self.compared(self.read_like(table, target=self.targets.target)))

    def compared(self, samples: Samples) -> tuple[Array, Array]:
        """The targets of samples beside the predictions, as scores and charts take them.

        Parameters
        ----------
        samples : Samples
            As `read_like` returns them.

        Returns
        -------
        y : (S,) array
            Class ids, or numbers.
        p : (S, K) or (S,) array
            The probability of each class, or 1 for the class predicted where the cost gives no
            probabilities; or numbers.
        """
        y = self.targets.transform(samples.labels, samples.place)
        p = self.outputs(self.encoded(samples.inputs))
        if not self.classes:
            return y, p[:, 0]
        if self.gives_probabilities:
            return y, self.targets.probabilities(p)
        ids = self.targets.class_ids(p, self.networks[0].cost_function)
        return y, np.eye(len(self.classes))[ids]

    def scores_of(self, y: Array, p: Array) -> list[Score]:
        """How good predictions are.

        Parameters
        ----------
        y, p
            As `compared` returns them.
        """
        return scores_of(y, p, self.baseline, self.gives_probabilities)

    @property
    def was_interrupted(self) -> bool:
        """Whether Ctrl-C ended the training, so that the networks are the best until then."""
        stopped = any(member.history.stopped == "interrupted" for member in self.members)
        return stopped or len(self.members) < self.recipe.members

    @property
    def column_names(self) -> Sequence[str] | None:
        """The names of the columns that are the inputs; None if it does not know them."""
        of_network = self.metadata.get("features") or self.networks[0].inputs.names
        return self.encoder.names if self.encoder else of_network

    @property
    def classes(self) -> list[Any] | None:
        """The labels, in the order of the probabilities; None for numbers."""
        return self.targets.classes

    @property
    def gives_probabilities(self) -> bool:
        """Whether there are classes, and their cost gives their probabilities."""
        return bool(self.targets.classes) and self.networks[0].cost_function.classifies

    @property
    def _limits(self) -> tuple[float, float] | None:
        """Smallest and largest prediction: those of training, unless the model extrapolates."""
        extrapolates = self.classes or len(self.baseline) != 3 or self.extrapolate
        return None if extrapolates else (self.baseline[1], self.baseline[2])

    def inputs(self, table: Any) -> Array:
        """Encode a table: the inputs of the networks, (S, n_0).

        Parameters
        ----------
        table
            As for `predict`.
        """
        if self.encoder and is_row(table) and {*self.missing} == {*MISSING_WORDS}:
            return self.encoder.encode_row(table)[None]
        return self.encoded(self.read_like(table, needs_targets=False).inputs)

    def read_like(self, table: Any, **options: Any) -> Samples:
        """Read samples with the columns of training.

        Parameters
        ----------
        table, **options
            As `fastgrad.data.samples.load_samples` takes them.
        """
        if self.encoder is None:
            return load_samples(table, expected=self.column_names, **options)
        text, expected = columns_like(self.encoder, self.targets, options.get("target"))
        return load_samples(
            table, text=text, missing=self.missing, header=self.header, expected=expected,
            **options,
        )  # fmt: skip

    def encoded(self, inputs: Table | Array) -> Array:
        """Encode samples: the inputs of the networks, (S, n_0).

        Parameters
        ----------
        inputs : Table or (S, n_0) array
            The inputs of `Samples`.
        """
        if isinstance(inputs, Table) and self.encoder:
            return self.encoder.transform(inputs)
        net = self.networks[0]
        X = plain_inputs(inputs, net, self.metadata) if isinstance(inputs, Table) else inputs
        return frames.matrix("X", X, net.dtype, net.n_inputs)

    def outputs(self, X: Array) -> Array:
        """The mean prediction of the networks, (S, n_L); an error unless it is finite.

        Parameters
        ----------
        X : (S, n_0) array
            Encoded inputs.
        """
        p = self.ensemble.predict(X)
        if self._limits:
            p = np.clip(p, *self._limits)
        if bad := int((~np.isfinite(p)).any(axis=1).sum()):
            raise ValueError(
                f"the networks' outputs are NaN or infinite for {bad:,} of {len(X):,} rows; their"
                " weights or the inputs are too large"
            )
        return p

    def portable(self) -> PortableModel:
        """See `Exports`."""
        own: Any = {"encoder": self.encoder, "targets": self.targets, "limits": self._limits}
        return replace(self.ensemble.portable(), **own, predict=self.outputs)

    def save(self, path: Any) -> None:
        """Write the model to a safetensors file, atomically.

        A model of one network is also a network's file, which `fastgrad.load` reads; of several,
        the tensors of each have names such as "member.2.0.weight".

        Parameters
        ----------
        path : path-like
            The file; an existing one is replaced.
        """
        described = {
            **self.metadata, **self.targets.metadata, "baseline": self.baseline,
            "encoder": self.encoder.to_config() if self.encoder else None,
            "weights": self.ensemble.weights,
            "missing": [*self.missing], "extrapolate": self.extrapolate,
        }  # fmt: skip
        write_networks(path, self.networks, described)

    @classmethod
    def load(cls, path: Any, custom_objects: Iterable[Activation | Cost] = ()) -> Self:
        """Read a model from a file of `save`, or a network from one of `Network.save`.

        Parameters
        ----------
        path : path-like
            The file.
        custom_objects : iterable of Activation and Cost
            The custom functions of the networks: a file holds only their names.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such file, or it is damaged or of another kind.
        """
        networks, described = read_networks(path, custom_objects)
        options: Any = {"missing": MISSING_WORDS, "extrapolate": False}
        options |= {name: described.pop(name) for name in options if name in described}
        try:
            model = cls(dtype=str(networks[0].dtype), **options)
            vars(model).update(parts_of_file(networks, described))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None
        return model
