"""Runs start in a fraction of a second instead of five: forked from a process that has everything imported.

A run launcher for one machine, named in ``dagster.yaml``. The standard library's forkserver holds the imports; each run
is a process of its own that runs `dagster api execute_run`, as with Dagster's launchers for containers. Besides, it
knows when the process of a run is gone, so that run monitoring can fail the run: a run that died with the machine does
not block its hour.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from otel_pipeline.sqlfiles import SQL

PROCESS_TAG = ".dagster/otel_pipeline_process"  # the UI hides tags that begin like this
CODE = {Path(__file__).resolve().parents[1]: "*.py", SQL: "*.sql"}
# The last one is imported by a step in the very runs that matter: those that meet something new.
IMPORTED = ["otel_pipeline.automation.warm", "otel_pipeline.definitions", "dagster._cli.api", "numpy", "openai"]

_imported_at = time.time()
_fork = multiprocessing.get_context("forkserver")


class WarmRunLauncher(RunLauncher, ConfigurableClass):
    """Starts each run in a process forked from a warm one."""

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> "WarmRunLauncher":
        return cls(inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process."""
        run = context.dagster_run
        origin = run.job_code_origin
        if origin is None:
            raise ValueError(f"run {run.run_id} does not say where its code is")
        arguments = ExecuteRunArgs(origin, run.run_id, self._instance.get_ref())
        _fork.set_forkserver_preload(IMPORTED)
        # A daemon process: it is ended with Dagster's daemon, and the sensor starts the hour anew.
        process = _fork.Process(target=execute, args=(serialize_value(arguments),), daemon=True)
        process.start()
        with contextlib.suppress(psutil.Error):
            began = psutil.Process(process.pid).create_time()
            self._instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{process.pid}@{began}"})

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's process, as Ctrl-C would; from whichever process of Dagster on this machine."""
        run = self._instance.get_run_by_id(run_id)
        process = process_of(run) if run and not run.is_finished else None
        if run is None or process is None:
            return False
        self._instance.report_run_canceling(run)
        process.send_signal(signal.SIGINT)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the run's process is alive."""
        if PROCESS_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "it is being started")
        if process_of(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {run.tags[PROCESS_TAG]} is gone")


def process_of(run: DagsterRun) -> psutil.Process | None:
    """The living process of a run. A number that another process has been given since is told by its age."""
    number, _, began = run.tags.get(PROCESS_TAG, "").partition("@")
    if not number:
        return None
    try:
        process = psutil.Process(int(number))
        alive = abs(process.create_time() - float(began)) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if alive else None


def execute(arguments: str) -> None:
    """In the new process: execute the run, warm; or as a fresh program, when the code has changed since the imports.

    :param arguments: of `dagster api execute_run`.
    """
    # The stack ends processes with SIGTERM; a run ends itself on SIGINT, tidily, and says so.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    if newest_code() > _imported_at:
        os.execv(sys.executable, [sys.executable, "-m", "dagster", "api", "execute_run", arguments])
    from dagster._cli.api import api_cli

    api_cli.main(["execute_run", arguments], standalone_mode=False)


def newest_code() -> float:
    """When a file of the code or of its SQL was last changed."""
    return max(file.stat().st_mtime for folder, files in CODE.items() for file in folder.rglob(files))
