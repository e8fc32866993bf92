"""The parser of the command line: every fault is one line, with the nearest name."""

import argparse
import re
import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..validation import did_you_mean, shortened, shown

__all__ = ["Parser", "UsageError"]


class UsageError(ValueError):
    """The arguments are not as expected."""


class _HelpFormatter(argparse.HelpFormatter):
    """Appends the default to the help of an option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        default = action.default
        if default is None or default is False or default in ((), argparse.SUPPRESS):
            return action.help
        text = ",".join(map(str, default)) if isinstance(default, tuple) else default
        return f"{action.help} (default: {text})"


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are a `UsageError` of one line.

    Parameters
    ----------
    prog, description : str
        As for argparse.ArgumentParser.
    """

    def __init__(self, prog: str, description: str, **options: Any) -> None:
        super().__init__(
            prog, description=description, allow_abbrev=False, formatter_class=_HelpFormatter,
            **options,
        )  # fmt: skip

    @property
    def long_options(self) -> list[str]:
        """The options, such as "--help", those of all groups included."""
        return [name for name in self._option_string_actions if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and exiting."""
        raise UsageError(re.sub("^argument (--[a-z0-9-]+)?[^:]*", r"\1", message))

    def parse_with_config(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The values of the arguments, and of those in the TOML file that --config names.

        The attribute `given` has the options that differ from their defaults, by name.
        """
        has_config = "--config" in self.long_options
        defaults = vars(self._parse([]) if has_config else argparse.Namespace())
        parsed = self._parse(arguments)
        if getattr(parsed, "config", None):
            self._set_from_toml(parsed.config)
            parsed = self._parse(arguments)
        unsaved = {
            "config",
            "output",
            "overwrite",
            "quiet",
            "json",
            "no_plot",
            "checkpoint",
            "resume",
        }
        parsed.given = {
            name: value
            for name, value in vars(parsed).items()
            if name in defaults and value != defaults[name] and name not in unsaved
        }
        return parsed

    def _parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The values of the arguments; an unknown option is named with the nearest one."""
        parsed, unknown = self.parse_known_args(list(arguments))
        if unknown:
            option = unknown[0].partition("=")[0]
            what = "option" if option.startswith("-") else "argument"
            hint = did_you_mean(option, self.long_options) if what == "option" else ""
            raise UsageError(
                f"{self.prog}: unknown {what} {shlex.quote(option)}; {hint}"
                f"`{self.prog} --help` lists them"
            )
        return parsed

    def _set_from_toml(self, path: str) -> None:
        """Take the options of a TOML file as defaults, which those of the command line override."""
        try:
            with Path(path).open("rb") as file:
                options = tomllib.load(file)
        except (ValueError, RecursionError) as error:  # of which TOMLDecodeError is one
            raise UsageError(f"--config: {path}: {shortened(str(error), 200)}") from None
        known = {name[2:] for name in self.long_options} - {"help", "config"} | {"data"}
        defaults = {}
        for name, value in options.items():
            if name not in known:
                hint = did_you_mean(name, known)
                raise UsageError(f"--config: {path}: unknown option {shown(name)}; {hint}")
            action = self._option_string_actions.get(f"--{name}")
            if action and action.nargs == 0 and not isinstance(value, bool):
                raise UsageError(
                    f"--config: {path}: {name}: got {shown(value)}; expected true or false"
                )
            text = ",".join(map(str, value)) if isinstance(value, list) else value
            defaults[name.replace("-", "_")] = text if isinstance(text, bool) else str(text)
        self.set_defaults(**defaults)
