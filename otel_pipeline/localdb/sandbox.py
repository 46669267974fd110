"""Keep the local server to its own files, by Linux's Landlock.

Run as its own "local" program, the engine lets every user, the reader too, read any file with the scalar function
``file()``: no grant, setting or path is asked. So the kernel has to say no. A server elsewhere checks paths by itself.
Of its own folder the engine reaches the data alone: the configuration, with the hashes of passwords, is deleted once it
has been read, and the logs can be written only. Where there is no Landlock (other systems, kernels before 5.19), only
the guard of the SQL tool stands before the rest.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

FILES = ("config.xml", "users.xml")
"""Configuration files, in the server's folder."""
DATA = ("data", "__cache__")
"""Folders of its data, and of the OTLP message definitions that queries bring along."""
LOGS = "log"
"""Folder of its logs, in the same."""

# From linux/landlock.h and the unified system call numbers.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
NO_NEW_PRIVILEGES = 38
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
EVERYTHING = (1 << 14) - 1  # every right of the second version, the first that lets files move between folders
SECOND = 2
READ = READ_FILE | READ_DIR
READABLE = (
    "/usr/share/zoneinfo /usr/lib /lib /lib64 /etc/localtime /etc/timezone /etc/ssl /etc/hosts /etc/resolv.conf"
    " /etc/nsswitch.conf /etc/gai.conf /etc/ld.so.cache /sys /proc/self /proc/meminfo /proc/cpuinfo /proc/stat"
    " /proc/loadavg /proc/uptime /proc/vmstat /proc/diskstats /proc/net /proc/sys /proc/version"
    " /dev/urandom /dev/random /dev/zero"
)


def available() -> bool:
    """Whether this kernel has Landlock switched on."""
    if not sys.platform.startswith("linux"):
        return False
    return _call(CREATE_RULESET, None, 0, VERSION_FLAG) >= SECOND


def enter(data: Iterable[Path], logs: Path, files: Iterable[Path] = ()) -> bool:
    """Let this thread, and all that it starts, use nothing but these, and read what any program needs.

    :param data: folders that it may use. :param logs: folder that it may write to, but whose files it may not read.
    :param files: files that it may read; they can be deleted once it has.
    :returns: whether the kernel does that from now on.
    """
    if not available():
        return False
    handled = ctypes.create_string_buffer(struct.pack("Q", EVERYTHING), 8)
    ruleset = _call(CREATE_RULESET, handled, 8, 0)
    if ruleset < 0:
        return False
    try:
        for path in data:
            _allow(ruleset, path, EVERYTHING)
        _allow(ruleset, logs, EVERYTHING & ~READ_FILE)
        for path in files:
            _allow(ruleset, path, READ_FILE)
        _allow(ruleset, Path("/dev/null"), READ_FILE | WRITE_FILE)
        for path in (*READABLE.split(), sys.prefix, sys.base_prefix):
            _allow(ruleset, Path(path), READ)
        if ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            return False
        return _call(RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    with contextlib.suppress(OSError):  # what is not there needs no right
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not path.is_dir():
                rights &= ~READ_DIR
            rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, handle), 12)
            _call(ADD_RULE, ruleset, PATH_BENEATH, rule, 0)
        finally:
            os.close(handle)


def _call(number: int, *arguments: object) -> int:
    """A system call that the C library has no function for; negative where it fails."""
    return ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *arguments)
