"""When each fault of a soak comes: quiet first, for a normal to be learned, then one scenario after another."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from load.faults import FaultControl, FaultRecord
from load.scenarios import SCENARIOS, Scenario

LEAST_QUIET_S = 180.0
"""Quiet at the beginning, at least: the lineage needs about two minutes of traffic for a baseline."""

QUIET_SHARE = 0.2
"""Quiet at the beginning, as a share of the soak."""

FAULT_SHARE = 0.45
"""What a fault takes of its slot. Quiet follows, in which its incident can end before the next one begins."""

SHORTEST_SLOT_S = 40.0
"""Less is too little for a leak to bite and to be over again."""


@dataclass(frozen=True)
class Slot:
    """A fault from ``start`` to ``end``, in seconds since the beginning."""

    scenario: str
    start: float
    end: float


def rounds(number: int, scenarios: Sequence[Scenario] = SCENARIOS) -> tuple[Scenario, ...]:
    """The scenarios so many times over: in their order first, then shuffled, the same way each time."""
    shuffled = [random.Random(turn).sample(scenarios, len(scenarios)) for turn in range(1, number)]
    return (*scenarios, *(scenario for turn in shuffled for scenario in turn))


def timetable(length_s: float, scenarios: Sequence[Scenario] = SCENARIOS) -> tuple[Slot, ...]:
    """One slot for each scenario in their order, as many as fit into ``length_s`` seconds after the first quiet."""
    quiet = max(LEAST_QUIET_S, QUIET_SHARE * length_s)
    fitting = min(len(scenarios), int(max(0.0, length_s - quiet) / SHORTEST_SLOT_S))
    width = (length_s - quiet) / max(1, fitting)
    starts = [quiet + number * width for number in range(fitting)]
    named = zip(scenarios, starts, strict=False)
    return tuple(Slot(s.name, round(start), round(start + FAULT_SHARE * width)) for s, start in named)


class Faults:
    """Switches the faults of a timetable as time goes by. Call :meth:`step` often; as a context it switches all off."""

    def __init__(self, slots: Sequence[Slot], control: FaultControl, say: Callable[[str], None]) -> None:
        self._waiting = list(slots)
        self._control, self._say = control, say
        self._open: FaultRecord | None = None
        self._until = 0.0

    def step(self, now_s: float) -> None:
        """Switch what is due.

        :param now_s: seconds since the beginning.
        :raises UserError: the shop does not answer.
        """
        if self._open and now_s >= self._until:
            self.stop()
        if not self._open and self._waiting and now_s >= self._waiting[0].start:
            slot = self._waiting.pop(0)
            self._open, self._until = self._control.start(slot.scenario), slot.end
            self._say(f"{slot.scenario} on")

    def stop(self) -> None:
        """Switch off what is on."""
        if self._open:
            record, self._open = self._open, None
            self._control.stop(record)
            self._say(f"{record.scenario} off")

    def __enter__(self) -> "Faults":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
