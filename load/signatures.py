"""Is a fault seen where the ledger says it is? One plain query for each scenario, over the shop's own telemetry.

Each query measures every service before and during the fault by the kind of work that the fault breaks
(``sql/query/shop_matrix__<scenario>.sql``). The service whose measure rose most is the one that is broken.
"""

from dataclasses import dataclass
from datetime import datetime

from load.scenarios import Scenario
from otel_pipeline.clickhouse import Database

LEAST_FACTOR = 2.0
"""How many times its quiet value a measure must reach."""

MEMORY_FACTOR = 1.2
"""The same for memory, which does not begin near zero."""


@dataclass(frozen=True)
class Signature:
    """What a scenario's query found. Units differ by query; ``service`` is the one that rose most."""

    scenario: str
    expected: str
    service: str | None
    quiet: float
    during: float

    @property
    def seen(self) -> bool:
        """The right service stands out, by far."""
        factor = MEMORY_FACTOR if self.scenario == "cascade_failure" else LEAST_FACTOR
        return self.service == self.expected and self.during > factor * self.quiet


def look(db: Database, scenario: Scenario, before: datetime, start: datetime, end: datetime) -> Signature:
    """Measure a scenario.

    :param before: since when it was quiet. :param start: when the fault began. :param end: when to stop looking.
    """
    rows = db.rows(f"shop_matrix__{scenario.name}", before=before, start=start, end=end)
    if not rows:
        return Signature(scenario.name, scenario.service, None, 0, 0)
    top = max(rows, key=lambda row: row["During"] - row["Quiet"])
    return Signature(scenario.name, scenario.service, top["ServiceName"], top["Quiet"], top["During"])
