"""Abuse cases by listener: what somebody may send or do, and what must happen then.

A module a listener; each case is a function under :func:`case` that returns what happened, in the words of what is
expected. ``make torture-stack`` runs them all and prints a table; ``tests/pipeline/test_torture.py`` makes a test of
each.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.torture.bench import Bench


@dataclass(frozen=True)
class Case:
    """One abuse.

    :param listener: what is abused. :param abuse: how, in a few words. :param expected: what must happen.
    :param run: does it; returns what happened, ``expected`` when all is well. :param slow: too long for a test.
    """

    listener: str
    abuse: str
    expected: str
    run: Callable[[Bench], str]
    slow: bool = False

    @property
    def name(self) -> str:
        """A name for tests."""
        return f"{self.listener}: {self.abuse}"


CASES: list[Case] = []


def case(
    listener: str, abuse: str, expected: str, *, slow: bool = False
) -> Callable[[Callable[[Bench], str]], Callable[[Bench], str]]:
    """Register a case."""

    def register(run: Callable[[Bench], str]) -> Callable[[Bench], str]:
        CASES.append(Case(listener, abuse, expected, run, slow))
        return run

    return register


def cases() -> list[Case]:
    """All cases, in the order of the modules' names."""
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return CASES
