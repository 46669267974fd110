"""Each abuse case of ``make torture-stack`` that is short enough."""

from collections.abc import Iterator

import pytest

from benchmarks.torture import Case, cases
from benchmarks.torture.bench import Bench
from otel_pipeline.settings import Settings


@pytest.fixture(scope="module")
def bench(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """What all cases share."""
    bench = Bench(server, tmp_path_factory.mktemp("torture"), allowed_ms=30_000)  # answered at all: tests take no times
    yield bench
    bench.close()


@pytest.mark.parametrize("case", [case for case in cases() if not case.slow], ids=lambda case: case.name)
def test_abuse(case: Case, bench: Bench) -> None:
    assert case.run(bench) == case.expected
