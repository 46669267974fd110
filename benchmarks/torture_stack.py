"""``make torture-stack``: every abuse case of every listener, what must happen and what did.

A table, then one JSON line: cases, how many went as they must, and the others by name. Exit status 1 when any did not.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from rich.table import Table

from benchmarks.torture import cases
from benchmarks.torture.bench import Bench
from otel_pipeline.console import PlainConsole
from otel_pipeline.localdb.launcher import temporary_server


def main() -> None:
    """Run the cases and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose listener or abuse contains this text")
    wanted = parser.parse_args().only.lower()
    chosen = [case for case in cases() if wanted in case.name.lower()]
    table = Table("listener", "abuse", "must", "did", "s", title="torture-stack", show_lines=False)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="torture-stack-") as folder:
        with temporary_server(Path(folder) / "clickhouse") as settings:
            bench = Bench(settings, Path(folder))
            try:
                for case in chosen:
                    began = time.monotonic()
                    try:
                        actual = case.run(bench)
                    except Exception as error:
                        actual = f"{type(error).__name__}: {error}"
                    is_right = actual == case.expected
                    if not is_right:
                        wrong.append(case.name)
                    seconds = f"{time.monotonic() - began:.1f}"
                    print(f"{'ok  ' if is_right else 'FAIL'} {seconds:>6} s  {case.name}", file=sys.stderr, flush=True)
                    table.add_row(
                        case.listener, case.abuse, case.expected, "as it must" if is_right else actual, seconds
                    )
            finally:
                bench.close()
    PlainConsole(width=180).print(table)
    print(json.dumps({"cases": len(chosen), "right": len(chosen) - len(wrong), "wrong": wrong}))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
