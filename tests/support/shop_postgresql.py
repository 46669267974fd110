"""A PostgreSQL server of the test's own, from the machine's packages, with a database for each service of the shop."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from otel_pipeline import children
from otel_pipeline.localdb.launcher import free_port
from sample_app.config import SERVICES
from tests.support.processes import eventually

DEBIAN = Path("/usr/lib/postgresql")
START_S = 120


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; None where PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return next((folder for folder in sorted(DEBIAN.glob("*/bin"), reverse=True) if (folder / "initdb").exists()), None)


def missing() -> str:
    """Why there can be no server here; "" when there can."""
    if programs() is None:
        return "PostgreSQL is not installed (Debian: apt-get install postgresql)"
    if os.geteuid() == 0 and not _account():
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


@contextmanager
def postgresql() -> Iterator[str]:
    """A running server; SHOP_DATABASE_URL of a shop on it."""
    bin_folder = programs()
    assert bin_folder
    folder, port = Path(mkdtemp(prefix="shop-postgresql-")), free_port()
    how: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    if account := _account():
        shutil.chown(folder, account, account)
        how |= {"user": account, "group": account, "extra_groups": []}
    initdb = [bin_folder / "initdb", "-D", folder / "data", "-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(initdb, check=True, **how)
    serve = [bin_folder / "postgres", "-D", folder / "data", "-h", "127.0.0.1", "-p", str(port), "-k", folder, "-F"]
    server = subprocess.Popen(serve, **how)
    try:
        where = ["-h", "127.0.0.1", "-p", str(port), "-U", "shop"]
        ready = [bin_folder / "pg_isready", *where]
        eventually(lambda: subprocess.run(ready, check=False, **how).returncode == 0, START_S)
        for service in SERVICES:
            subprocess.run([bin_folder / "createdb", *where, f"shop_{service}"], check=True, **how)
        yield f"postgresql+psycopg://shop@127.0.0.1:{port}/shop_{{service}}"
    finally:
        children.end(server, 20)
        shutil.rmtree(folder, ignore_errors=True)


def _account() -> str:
    """The account to run it as: root may not; "" for our own."""
    if os.geteuid() != 0:
        return ""
    return next((entry.pw_name for entry in pwd.getpwall() if entry.pw_name == "postgres"), "")
