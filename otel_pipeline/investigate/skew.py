"""Values of attributes that bad traces have more often than good ones: a version, a region, a customer, a host."""

from collections.abc import Sequence
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection.model import Window
from otel_pipeline.detection.robust import deviance
from otel_pipeline.investigate.model import Skew

LEAST_BAD = 5
SURE = 4.5  # standard deviations; about one in a hundred thousand, as some hundred values are looked at
MANY_VALUES = 50
MAIN_SHARE, MOST, CLEAR = 0.25, 0.5, 4.0  # a value that less than half of the bad ones have must be that telling
SHOWN = 6


def skewed(db: Database, focus: Window, service: str, anomalous: int) -> list[Skew]:
    """Over-represented values, the clearest first.

    :param service: the cause; bad are the anomalous traces with a reason that points at it.
    :param anomalous: anomalous traces of the window; with few of them, traces with errors are the bad ones.
    """
    where = {"start": focus.start, "end": focus.end}
    return tell(db.rows("investigate__skew", **where, service=service, anomalous=anomalous >= LEAST_BAD))


def tell(rows: Sequence[dict[str, Any]]) -> list[Skew]:
    """Rows of ``investigate__skew`` that are no chance; a value that several services share is told once."""
    found: dict[tuple[int, int, str], Skew] = {}
    told: set[tuple[str, str]] = set()
    for row in rows:
        bad, of_bad, good, of_good = row["Bad"], row["OfBad"], row["Good"], row["OfGood"]
        usual = (good + 0.5) / (of_good + 1)
        if row["Distinct"] > MANY_VALUES and bad < MOST * of_bad:
            continue
        if usual >= 1 or deviance(bad, of_bad, usual) < SURE:
            continue
        if bad < MAIN_SHARE * of_bad or (bad < MOST * of_bad and bad / of_bad < CLEAR * usual):
            continue
        lift = round(bad / of_bad / usual, 1)
        known = Skew(row["Key"], row["Value"], row["Service"], bad, of_bad, good, of_good, lift)
        if (row["Key"], row["Value"]) in told:  # handed on from service to service
            continue
        told.add((row["Key"], row["Value"]))
        # Attributes that say the same of the same traces (an instance, its host, its version) are one finding.
        found.setdefault((bad, good, row["Service"]), known)
    return list(found.values())[:SHOWN]
