"""``python -m benchmarks.fuzz TARGET … --seconds N``: what strangers send and write, made up at random.

Targets, each with what must hold whatever comes:

- ``decompress``: what is unpacked is never larger than allowed; a refusal is 400 or 413; nothing takes long.
- ``decode``: what is taken can be stored: read again it is taken as it is, its times lie within the horizon.
- ``spool``: every body that no flip has hit is read; what is damaged is covered without a gap; no forged mark is read.
- ``http``, ``grpc``: raw bytes on a connection; the process lives, and answers an honest request.
- ``sql``: what passes the guard reads, is one statement, and calls nothing that reaches out.
- ``escape``: a document has the outline that it has with harmless names: in Markdown, HTML, SVG, Slack, a terminal,
  a model's context.
- ``engine``: what the door takes the engine inserts, or refuses for good: nothing may stay in the spool for ever.

Prints one JSON line: rounds by target and outcome. Exit status 1, with the seed, where a target failed. Short runs of
the same are tests: ``tests/unit/test_fuzz.py``.
"""

import argparse
import json
import random
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path

from benchmarks.fuzz import Round, run
from benchmarks.fuzz.bodies import decoding, decompressing, engine_round
from benchmarks.fuzz.doors import grpc_round, http_round, intake_alone
from benchmarks.fuzz.spool import spooling
from benchmarks.fuzz.text import escaping, guarding
from benchmarks.torture.bench import Intake
from otel_pipeline.intake.writer import Sender
from otel_pipeline.localdb.launcher import temporary_server


@contextmanager
def _door(rounds: Callable[[Intake], Round], folder: Path) -> Iterator[Round]:
    intake = intake_alone(folder)
    try:
        yield rounds(intake)
    finally:
        intake.stop()


@contextmanager
def _engine(folder: Path) -> Iterator[Round]:
    with temporary_server(folder) as settings:
        yield engine_round(Sender(settings))


TARGETS: dict[str, Callable[[Path], AbstractContextManager[Round]]] = {
    "decompress": lambda _: nullcontext(decompressing),
    "decode": lambda _: nullcontext(decoding),
    "spool": lambda folder: nullcontext(spooling(folder)),
    "http": partial(_door, http_round),
    "grpc": partial(_door, grpc_round),
    "sql": lambda _: nullcontext(guarding),
    "escape": lambda _: nullcontext(escaping),
    "engine": _engine,
}


def main() -> None:
    """Fuzz some targets, or all, and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=1200, help="for each target")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.targets) - set(TARGETS)):
        parser.error(f"no such target: {', '.join(unknown)}")
    result: dict[str, dict[str, int]] = {}
    failed = False
    for target in arguments.targets or TARGETS:
        try:
            with tempfile.TemporaryDirectory(prefix=f"fuzz-{target}-") as folder:
                with TARGETS[target](Path(folder)) as once:
                    result[target] = dict(run(once, arguments.seconds, arguments.seed))
        except AssertionError:
            failed = True
            traceback.print_exc()
    print(json.dumps({"seed": arguments.seed, **result}))
    sys.exit(failed)


if __name__ == "__main__":
    main()
