"""Root cause on labelled data: for each fault's window, all services ranked by the code that ranks incidents."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from otel_pipeline.clickhouse import Database
from otel_pipeline.detection import blame, causes
from otel_pipeline.evaluation import labelled, plain_rca, plain_two_sided, references

LOWEST = -100.0


def evaluate(folder: Path, progress: Callable[[str], None] = lambda _: None, plain: bool = False) -> dict[str, Any]:
    """Rank all services for each case.

    :param plain: add the plain rules, as ``"plain"`` and ``"plain_two_sided"``: ``{"as1", "as3", "as5"}``.
    :returns: ``{"cases": [{"start", "end", "ranking": [{"service", "score"}], "reasons": [str]}], "as1", "as3",
        "as5"}``, one case per entry of faults.json in its order. Shares are None where labels are missing; ties take
        the mean rank.
    :raises UserError: a folder that cannot be read.
    """
    data = labelled.read(folder)
    with labelled.loaded(data) as db:
        return judged(db, data, progress, plain)


def judged(
    db: Database, data: labelled.Labelled, progress: Callable[[str], None] = lambda _: None, plain: bool = False
) -> dict[str, Any]:
    """The same as :func:`evaluate`, of a folder that is loaded."""
    services = [row["Service"] for row in db.rows("evaluation__services")]
    traffic = references.stretches(db)
    rankings = []
    for number, case in enumerate(data.cases):
        progress(f"case {number + 1} of {len(data.cases)}")
        suspects = blame.weigh(db, case.window, references.references(data, number, traffic))
        rankings.append(_every_service(suspects, services))
    beside = _plain(db, data) if plain else {}
    return {
        "cases": [
            {
                "start": case.window.start,
                "end": case.window.end,
                "ranking": [{"service": s.service, "score": round(s.score, 4)} for s in ranking],
                "reasons": [f"{s.service}: {blame.why(s, [])}" for s in ranking[:3] if s.score > causes.NOISE],
            }
            for case, ranking in zip(data.cases, rankings, strict=True)
        ],
        **shares([case.service for case in data.cases], [{s.service: s.score for s in r} for r in rankings]),
        **beside,
    }


def _plain(db: Database, data: labelled.Labelled) -> dict[str, Any]:
    windows = [case.window for case in data.cases]
    others = [[n for n, other in enumerate(windows) if references.far(window, other)] for window in windows]
    truth, path = [case.service for case in data.cases], data.files.get("traces")
    readable = path is not None and path.suffix == ".parquet"
    two_sided = plain_two_sided.rank(plain_two_sided.spans(path), windows) if path and readable else []
    return {
        "plain": shares(truth, plain_rca.rank(db, windows, others)),
        **({"plain_two_sided": shares(truth, two_sided)} if two_sided else {}),
    }


def _every_service(suspects: Sequence[causes.Suspect], services: Sequence[str]) -> list[causes.Suspect]:
    """The ranking, with the services that the window did not see at its end."""
    seen = {suspect.service for suspect in suspects}
    absent = [
        causes.Suspect(name, score=LOWEST, conduct=0, time=0, way=0, visits=0, odd_visits=0, slower=1, longer=1)
        for name in services
        if name not in seen
    ]
    return [*suspects, *absent]


def shares(truth: Sequence[str], scores: Sequence[dict[str, float]]) -> dict[str, float | None]:
    """AS@1, AS@3, AS@5: the share of cases whose service is among the first k."""
    labels = [(service, score) for service, score in zip(truth, scores, strict=True) if service]
    if not labels:
        return {"as1": None, "as3": None, "as5": None}
    ranks = [mean_rank(service, score) for service, score in labels]
    return {f"as{k}": round(sum(rank <= k for rank in ranks) / len(ranks), 4) for k in (1, 3, 5)}


def mean_rank(service: str, scores: dict[str, float]) -> float:
    """Rank of a service, from 1; ties take the mean."""
    if service not in scores:
        return float("inf")
    mine = scores[service]
    return sum(s > mine for s in scores.values()) + (sum(s == mine for s in scores.values()) + 1) / 2
