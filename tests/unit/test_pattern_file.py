"""The reviewed file of patterns: what is wrong is named with its line."""

import uuid
from datetime import UTC, datetime

import pytest

from otel_pipeline.detection import pattern_file
from otel_pipeline.detection.memory import Pattern
from otel_pipeline.detection.pattern_yaml import parse
from otel_pipeline.errors import UserError

NOW = datetime(2026, 1, 31, 8, 15, tzinfo=UTC)
GOOD = """patterns:
  - service: payment
    message: gateway refused
    status: confirmed
    root_cause: expired certificate
    resolution: renew it
    reviewed_by: kim
    reviewed_at: 2026-01-31T08:15:00Z
"""


def test_what_is_exported_is_read_back_the_same():
    known = Pattern(
        uuid.uuid4(),
        NOW,
        "s",
        'says: "no" # really',
        "payment",
        root_cause="first line\nsecond line",
        resolution="größer",
        Status="confirmed",
        ReviewedBy="kim",
        ReviewedAt=NOW,
        Services=("payment",),
        Features=("begins\tpayment\tPOST\t504",),
        Templates=(2**63 + 1,),
        related_trace_ids=("ab",),
    )
    (entry,) = parse(pattern_file.export([known]), "p.yaml")
    same = ("pattern_id", "error_message", "root_cause", "resolution", "Features", "Templates", "ReviewedAt", "Status")
    assert [getattr(entry.pattern, name) for name in same] == [getattr(known, name) for name in same]
    assert entry.line == 4 - 1


def test_an_empty_file_names_no_pattern():
    assert parse("", "p.yaml") == []
    assert parse("patterns: []\n", "p.yaml") == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    status: confirmed", "    status: sure", r"p.yaml:4: status sure"),
        ("    root_cause: expired certificate\n", "", r"p.yaml:2: confirmed, but no root_cause"),
        ("    reviewed_by: kim\n", "", r"p.yaml:2: confirmed, but no reviewed_by"),
        ("kim", "lineage", r"p.yaml:7: who: 'lineage' is a program"),
        ("2026-01-31T08:15:00Z", "yesterday", r"p.yaml:8: reviewed_at: yesterday is no ISO"),
        ("2026-01-31T08:15:00Z", "2999-01-31", r"p.yaml:8: reviewed_at: 2999-01-31 lies in the future"),
        ("    message: gateway refused\n", "", r"p.yaml:2: message is missing"),
        ("    message: gateway refused", "    message: [a]", r"p.yaml:3: message must be text"),
        ("    resolution: renew it", "    remedy: renew it", r"p.yaml:6: unknown key remedy"),
        ("    resolution: renew it", "    templates: [one]", r"p.yaml:6: templates must be a list of whole"),
        ("    resolution: renew it", "    harmless: perhaps", r"p.yaml:6: harmless must be true or false"),
        ("    resolution: renew it", "    id: 7", r"p.yaml:6: id: 7 is no UUID"),
        ("    resolution: renew it", "    resolution: : x", r"p.yaml:6: no YAML"),
        ("patterns:", "things:", r"p.yaml:1: the file must be"),
        ("  - service: payment", "  - payment\n  - service: payment", r"p.yaml:2: an entry must be"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old: str, new: str, message: str):
    with pytest.raises(UserError, match=message):
        parse(GOOD.replace(old, new), "p.yaml")


def test_all_that_is_wrong_is_named_together_and_twins_are_refused():
    twice = GOOD + GOOD.removeprefix("patterns:\n").replace("renew it", "wait")
    with pytest.raises(UserError, match="the same pattern stands at line 2"):
        parse(twice, "p.yaml")
    with pytest.raises(UserError, match=r"p.yaml:4: .*p.yaml:8: "):
        parse(GOOD.replace("status: confirmed", "status: x").replace("2026-01-31T08:15:00Z", "x"), "p.yaml")


def test_code_in_yaml_is_not_run():
    with pytest.raises(UserError, match=r"p\.yaml"):
        parse("patterns: !!python/object/apply:os.system ['true']\n", "p.yaml")
