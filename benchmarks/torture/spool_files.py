"""The spool: what a disk, an operator or another program may do to its files."""

import os
import shutil
import signal
import stat
import threading
import time
import zlib
from pathlib import Path

from benchmarks.honest_client import PATIENCE_SECONDS, spans
from benchmarks.torture import case
from benchmarks.torture.bench import Bench, Intake, until
from otel_pipeline.intake.segments import OLD_MARK, OLD_START
from otel_pipeline.localdb.launcher import free_port

LISTENER = "spool"
BODIES, SPANS = 20, 50


def crashed(bench: Bench, name: str) -> Intake:
    """An intake that was killed with acknowledged bodies in its spool, ClickHouse being away."""
    away = bench.settings.model_copy(update={"clickhouse_port": free_port()})
    intake = Intake(away, bench.home()).start()
    for number in range(BODIES):
        status, _ = intake.post("/v1/traces", spans(SPANS, f"{name} {number}"))
        if status != 200:
            raise RuntimeError(f"the intake answered {status}")
    intake.stop(signal.SIGKILL)
    return Intake(bench.settings, intake.home.parent)


def stored(bench: Bench, name: str, least: int) -> int:
    """Spans of that name in the table, once there are ``least``, or none comes any more."""
    ask = lambda: bench.ask("SELECT count() FROM otel_traces WHERE startsWith(SpanName, {n:String})", n=f"{name} ")  # noqa: E731
    until(lambda: ask() >= least, PATIENCE_SECONDS)
    return ask()


def label() -> str:
    """A name of spans that no other case has."""
    return f"spool-{time.time_ns()}"


def flip(path: Path, start: int, count: int) -> None:
    """Damage bytes of a file."""
    raw = bytearray(path.read_bytes())
    for place in range(start, min(start + count, len(raw))):
        raw[place] ^= 0xA5
    path.write_bytes(raw)


@case(
    LISTENER,
    "40 bytes flipped in the middle of a segment, after kill -9",
    "one body is a dead letter, told; the rest is stored",
)
def _(bench: Bench) -> str:
    name = label()
    intake = crashed(bench, name)
    (file,) = intake.spool.glob("*traces*.open")
    flip(file, file.stat().st_size // 2, 40)
    intake.start()
    try:
        found = stored(bench, name, (BODIES - 1) * SPANS)
        told = intake.get("/readyz")[1]
        letters = list(intake.dead_letters.glob("*.broken"))
        if found == (BODIES - 1) * SPANS and told["spool_broken_parts"] == 1 and len(letters) == 1:
            return "one body is a dead letter, told; the rest is stored"
        return f"{found} of {BODIES * SPANS} stored, {len(letters)} dead letters, {told}"
    finally:
        intake.stop()


@case(LISTENER, "bytes flipped in every third body", "every other body is stored, the broken ones are dead letters")
def _(bench: Bench) -> str:
    name = label()
    intake = crashed(bench, name)
    (file,) = intake.spool.glob("*traces*.open")
    size = file.stat().st_size // BODIES
    broken = range(0, BODIES, 3)
    for number in broken:
        flip(file, number * size + size // 2, 3)
    intake.start()
    try:
        wanted = (BODIES - len(broken)) * SPANS
        found, letters = stored(bench, name, wanted), len(list(intake.dead_letters.glob("*.broken")))
        if (found, letters) == (wanted, len(broken)):
            return "every other body is stored, the broken ones are dead letters"
        return f"{found} of {wanted}, {letters} dead letters"
    finally:
        intake.stop()


@case(
    LISTENER,
    "a file that was damaged while ClickHouse was away, the intake running",
    "the rest is stored, a dead letter",
)
def _(bench: Bench) -> str:
    name = label()
    away = bench.settings.model_copy(update={"clickhouse_port": free_port()})
    first = Intake(away, bench.home()).start()
    for number in range(BODIES):
        first.post("/v1/traces", spans(SPANS, f"{name} {number}"))
    first.stop()
    intake = Intake(bench.settings, first.home.parent)
    (file,) = (path for path in intake.spool.glob("*traces*.ready"))
    flip(file, file.stat().st_size // 2, 2)
    os.utime(file, (time.time() - 60, time.time() - 60))
    intake.start()
    try:
        found, letters = stored(bench, name, (BODIES - 1) * SPANS), len(list(intake.dead_letters.glob("*.broken")))
        good = found == (BODIES - 1) * SPANS and letters == 1
        return "the rest is stored, a dead letter" if good else f"{found} stored, {letters} dead letters"
    finally:
        intake.stop()


@case(LISTENER, "stray files, folders, links and files of nonsense", "it starts, leaves them alone, names them")
def _(bench: Bench) -> str:
    name = label()
    intake = crashed(bench, name)
    run = "0" * 20 + "ab" * 8
    strays = {
        "stray.ready": lambda path: path.write_text("hello"),
        "notes.txt": lambda path: path.write_text("mine"),
        f"traces-{run}-000000000001.ready": lambda path: path.mkdir(),
        f"logs-{run}-000000000001.open": lambda path: path.symlink_to("/etc/passwd"),
        "x-y-z.open": lambda path: path.write_bytes(b"\0" * 100),
    }
    for stray, make in strays.items():
        make(intake.spool / stray)
    intake.start()
    try:
        found = stored(bench, name, BODIES * SPANS)
        left = [stray for stray in strays if os.path.lexists(intake.spool / stray)]
        log = intake.wrote()
        named = [stray for stray in strays if stray in log]
        if found == BODIES * SPANS and len(left) == len(named) == len(strays):
            return "it starts, leaves them alone, names them"
        return f"{found} stored, left {left}, named {named}"
    finally:
        intake.stop()


@case(LISTENER, "segments of nothing but nonsense", "it starts; they are dead letters")
def _(bench: Bench) -> str:
    intake = crashed(bench, label())
    run = "0" * 20 + "ab" * 8
    for number, content in enumerate((os.urandom(5000), b"\x7a\x1c" * 3000, bytes(3) + b"x"), 1):
        (intake.spool / f"logs-{run}-{number:012d}.ready").write_bytes(content)
    (intake.spool / f"logs-{run}-000000000009.ready").write_bytes(b"")
    intake.start()
    try:
        until(lambda: not list(intake.spool.glob("logs*")))
        letters = len(list(intake.dead_letters.glob("logs*.broken")))
        return "it starts; they are dead letters" if intake.alive() and letters == 3 else f"{letters} dead letters"
    finally:
        intake.stop()


@case(LISTENER, "a segment of an earlier version, upgraded over a full spool", "stored")
def _(bench: Bench) -> str:
    name = label()
    intake = Intake(bench.settings, bench.home())
    intake.spool.mkdir(parents=True)
    parts = b""
    for number in range(1, 4):
        body = spans(SPANS, f"{name} {number}")
        parts += OLD_MARK.pack(OLD_START, len(body), number, 0, zlib.crc32(body)) + body
    (intake.spool / f"plain_traces-{time.time_ns():020d}{'ab' * 4}-000000000001.open").write_bytes(parts)
    intake.start()
    try:
        found = stored(bench, name, 3 * SPANS)
        return "stored" if found == 3 * SPANS else f"{found} stored"
    finally:
        intake.stop()


@case(LISTENER, "files and folders that others could read", "for the owner alone")
def _(bench: Bench) -> str:
    intake = bench.intake
    intake.post("/v1/traces", spans(at=1))
    until(lambda: list(intake.dead_letters.glob("*")))
    wrong = [
        str(path.relative_to(intake.home))
        for path in (intake.home, *intake.home.rglob("*"))
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    return "for the owner alone" if not wrong else f"{wrong}"


@case(LISTENER, "the folder is deleted while it runs", "503, and 200 when it is back")
def _(bench: Bench) -> str:
    with bench.own() as intake:
        intake.post("/v1/traces", spans())
        until(lambda: not list(intake.spool.glob("*")))
        shutil.rmtree(intake.spool)
        gone = intake.post("/v1/traces", spans())[0]
        intake.spool.mkdir()
        back = until(lambda: intake.post("/v1/traces", spans())[0] == 200, 10)
        return f"{gone}, and {200 if back else 'not 200'} when it is back"


@case(LISTENER, "more dead letters than there is room for", "bounded; honest in time", slow=True)
def _(bench: Bench) -> str:
    def send(intake: Intake) -> None:
        for _ in range(40):
            intake.post("/v1/traces", spans(2000, "x" * 3000, at=1))

    beside = bench.beside(send)
    size = sum(path.stat().st_size for path in bench.intake.dead_letters.glob("*"))
    return f"{'bounded' if size < 600 << 20 else f'{size >> 20} MiB'}; {beside}"


@case(LISTENER, "SIGTERM under load, and twice", "exit status 0, nothing acknowledged lost")
def _(bench: Bench) -> str:
    name = label()
    intake = Intake(bench.settings, bench.home()).start()
    acknowledged: list[int] = []
    stopping = threading.Event()

    def send() -> None:
        while not stopping.is_set():
            if intake.post("/v1/traces", spans(SPANS, f"{name} x"))[0] == 200:
                acknowledged.append(SPANS)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    assert intake.process
    intake.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    status = intake.stop()
    stopping.set()
    for thread in threads:
        thread.join()
    found = stored(bench, name, sum(acknowledged))
    good = status == 0 and found >= sum(acknowledged) and "Traceback" not in intake.wrote()
    return (
        "exit status 0, nothing acknowledged lost"
        if good
        else f"exit status {status}, {found} of {sum(acknowledged)}: {intake.wrote()[-300:]}"
    )


@case(LISTENER, "a second intake in the same home", "ended with one line; the first goes on")
def _(bench: Bench) -> str:
    second = Intake(bench.settings, bench.intake.home.parent)
    second.start()
    status = second.stop()
    lines = [line for line in second.wrote().splitlines() if "in use by another intake" in line]
    good = status == 1 and len(lines) == 1 and bench.intake.post("/v1/traces", spans())[0] == 200
    return "ended with one line; the first goes on" if good else f"{status}: {second.wrote()[-300:]}"
