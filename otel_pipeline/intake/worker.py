"""``python -m otel_pipeline.intake.worker``: takes bodies apart, one after the other, for :mod:`workers`.

A question on standard input is a JSON line, then the body; so is the answer on standard output. It ends with its input,
so with its parent.
"""

import json
import os
import resource
import sys
from typing import BinaryIO

from otel_pipeline.intake.horizon import Horizon
from otel_pipeline.intake.protocol import BadBody, accept, decompress


def answer(question: dict, body: bytes) -> tuple[dict, bytes, bytes]:
    """What :func:`protocol.accept` says of a body: the document, the body where it is another, the dead letter.

    A packed body is unpacked first, here too: it costs what it unpacks to.
    """
    bounds = Horizon(*question["bounds"]) if question["bounds"] else None
    try:
        plain = decompress(body, question["encoding"], question["limit"])
        accepted = accept(question["signal"], plain, question["content_type"], bounds)
    except BadBody as error:
        return {"status": error.status, "reason": str(error)}, b"", b""
    document = {"kind": accepted.kind, "rejected": accepted.rejected, "reason": accepted.reason}
    same = accepted.body is body
    return {**document, "same": same}, b"" if same else accepted.body, accepted.dead


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the end of the input."""
    while line := questions.readline():
        question = json.loads(line)
        document, body, dead = answer(question, questions.read(question["size"]))
        head = json.dumps({**document, "size": len(body), "dead": len(dead)}).encode()
        answers.write(b"".join((head, b"\n", body, dead)))
        answers.flush()


def main() -> None:
    """Serve with bounded memory: ``worker.py BYTES``."""
    os.nice(5)  # who answers goes first
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        serve(sys.stdin.buffer, sys.stdout.buffer)
    except (MemoryError, BrokenPipeError):
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
