"""Times of many runs as one figure."""

import sys
import time
from collections.abc import Callable


def p95(seconds: list[float]) -> float:
    """The 95th percentile in milliseconds."""
    ordered = sorted(seconds)
    return 1000 * ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def tell(text: str) -> None:
    """Progress and details, on stderr: stdout ends with the figures."""
    print(text, file=sys.stderr, flush=True)
