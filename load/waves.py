"""Faults as part of the load: each scenario comes once a cycle of requests and lasts for its share of them."""

from collections.abc import Callable
from dataclasses import dataclass

from load.faults import FaultControl, FaultRecord
from load.mix import Mix
from otel_pipeline.settings import Settings

FASTER_LEAK = {"cascade_failure": {"mb_per_s": 20.0}}
"""Parameters where a scenario's share is short against the time it needs to bite."""


@dataclass(frozen=True)
class Wave:
    """One scenario in a cycle: from request ``first`` on, for ``length`` requests."""

    scenario: str
    first: int
    length: int


def plan(settings: Settings) -> tuple[Wave, ...]:
    """The waves of one cycle, spread evenly, with quiet before each.

    :returns: no wave for a scenario whose share is zero.
    """
    shares = {
        "payment_timeout": settings.load_payment_timeout_pct,
        "cascade_failure": settings.load_cascade_failure_pct,
        "intermittent_error": settings.load_intermittent_error_pct,
    }
    wanted = {name: share for name, share in shares.items() if share > 0}
    slot = settings.load_fault_cycle / max(1, len(wanted))
    waves = []
    for number, (name, share) in enumerate(wanted.items()):
        length = round(settings.load_fault_cycle * share / 100)
        waves.append(Wave(name, round(number * slot + (slot - length) / 2), length))
    return tuple(waves)


class FaultWaves:
    """Switches the faults of the plan as the requests of ``mix`` go by. Call :meth:`step` often."""

    def __init__(self, settings: Settings, control: FaultControl, mix: Mix, say: Callable[[str], None]) -> None:
        self._waves, self._cycle = plan(settings), settings.load_fault_cycle
        self._control, self._mix, self._say = control, mix, say
        self._open: FaultRecord | None = None
        self._until = 0

    def step(self) -> None:
        """Switch what is due.

        :raises UserError: the shop does not answer.
        """
        if self._open:
            if self._mix.total >= self._until:
                self.stop()
            return
        position = self._mix.total % self._cycle
        for wave in self._waves:
            if wave.first <= position < wave.first + wave.length:
                self._open = self._control.start(wave.scenario, **FASTER_LEAK.get(wave.scenario, {}))
                self._until = self._mix.total + wave.length
                self._mix.scenario = wave.scenario
                self._say(f"{wave.scenario} on at request {self._mix.total}")
                return

    def stop(self) -> None:
        """Switch off what is on."""
        if self._open:
            self._mix.scenario = ""
            record, self._open = self._open, None
            self._control.stop(record)
            self._say(f"{record.scenario} off at request {self._mix.total}")
