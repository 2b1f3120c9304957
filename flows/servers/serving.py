"""`plait up` and `plait down`: a Prefect server, a worker and all that plait needs on them, and their end."""

import fcntl
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

from plait.flows.servers.cancelling import stop_runs
from plait.flows.servers.probing import is_healthy, last_words, status_of
from plait.flows.servers.safety import is_loopback
from plait.flows.servers.settings import (
    bare_environment,
    environment_without_prefect,
    standing_server_settings,
    worker_settings,
)
from plait.flows.servers.standing import (
    Process,
    Standing,
    as_process,
    forget_standing,
    password,
    password_file,
    read_standing,
    write_standing,
)
from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.home import plait_home, server_directory
from plait.workspace.process import start_daemon, stop_process

STARTED_WITHIN = 120.0
"""Seconds; 4 on two free cores, 10 where its database is new."""
ANSWERED_WITHIN = 30.0
"""Seconds for the first answer that needs its database; 5 where it had been stopped in the middle of a run."""
SERVER_GRACE = 5.0
WORKER_GRACE = 10.0
RUN_GRACE = 20.0
"""Seconds for the runs of the worker to end their agents and keep their work; both take 6 at most."""
_HINT_PORT = "choose another with --port; a server of your own is used with PREFECT_API_URL and `plait deploy`"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Up:
    """What `plait up` came to."""

    page: str
    url: str
    password_file: Path
    was_there: bool
    """Whether server and worker ran before."""
    made: tuple[str, ...]
    notes: tuple[str, ...]


def bring_up(*, host: str, port: int, exposed: bool, say: Say) -> Up:
    """Start what does not run, register what is missing, and say where it is.

    Args:
        host: Address to listen on; anything but this machine's own needs `exposed`.
        say: Told each step.

    Raises:
        CallError: the address is not one to listen on.
        EnvironmentProblem: the port is taken, or a process does not come up; the message names its log.
    """
    _check_host(host, exposed=exposed)
    directory = server_directory(plait_home())
    with _alone(directory):
        found = read_standing(directory)
        standing = _server(directory, found, host=host, port=port, say=say)
        made = _register(directory, standing, say)
        standing = _worker(directory, standing, say)
    return Up(
        page=standing.page,
        url=standing.url,
        password_file=password_file(directory),
        was_there=found == standing,
        made=made,
        notes=_notes(standing, host=host, port=port),
    )


def bring_down(*, say: Say) -> tuple[str, ...]:
    """Stop the worker with its runs, then the server, and give what was stopped; nothing when nothing ran.

    Raises:
        EnvironmentProblem: a process cannot be ended.
    """
    directory = server_directory(plait_home())
    with _alone(directory):
        standing = read_standing(directory)
        if standing is None:
            return ()
        if standing.server.alive:
            # The worker would kill its runs in the middle of keeping what their agents made.
            stop_runs(plait_home(), standing.url, patience=RUN_GRACE, say=say)
        stopped: list[str] = []
        for name, process, grace in (
            ("worker", standing.worker, WORKER_GRACE),
            ("server", standing.server, SERVER_GRACE),
        ):
            if process.alive:
                say(f"stopping the {name}")
                _stop(name, process, grace)
                stopped.append(name)
        forget_standing(directory)
    return tuple(stopped)


def _check_host(host: str, *, exposed: bool) -> None:
    try:
        anywhere = ip_address(host).is_unspecified
    except ValueError:
        anywhere = False
    if anywhere:
        raise CallError(f"{host} is no address that a page can be opened at", "name one address of this machine")
    if not is_loopback(host) and not exposed:
        raise CallError(
            f"{host} can be reached by other machines, and whoever has the password can run programs here",
            "listen on 127.0.0.1 and reach it by ssh -L, or add --exposed if the network is yours",
        )


def _server(directory: Path, found: Standing | None, *, host: str, port: int, say: Say) -> Standing:
    """The server that runs, or a new one."""
    if found is not None and found.server.alive:
        if _answers_within(found, 10.0):
            return found
        say("the server does not answer: starting it again")
        _stop("worker", found.worker, WORKER_GRACE)
        _stop("server", found.server, SERVER_GRACE)
    elif found is not None and found.worker.alive:
        _stop("worker", found.worker, WORKER_GRACE)
    standing = Standing(host=host, port=port, prefect=version("prefect"))
    _check_port(host, port)
    say("starting the server")
    return _started_server(directory, standing)


def _started_server(directory: Path, standing: Standing) -> Standing:
    auth = password(directory)
    settings = standing_server_settings(
        directory, host=standing.host, port=standing.port, auth=auth, origins=_origins(standing)
    )
    _save_migrations(directory)
    log = directory / "server.log"
    daemon = start_daemon(
        [
            *(sys.executable, "-P", "-m", "prefect", "server", "start"),
            *("--host", standing.host, "--port", str(standing.port)),
        ],
        directory=directory,
        environment=bare_environment() | settings,
        log=log,
        die_with_parent=False,
    )
    standing = replace(standing, server=as_process(daemon))
    write_standing(directory, standing)
    if not _answers_within(standing, STARTED_WITHIN):
        _stop("server", standing.server, SERVER_GRACE)
        forget_standing(directory)
        raise EnvironmentProblem(f"the server did not come up: {last_words(log)}", f"its log is {log}")
    if not _lets_us_in(standing, auth):
        _stop("server", standing.server, SERVER_GRACE)
        forget_standing(directory)
        raise EnvironmentProblem(f"something else answers at {standing.url}", _HINT_PORT)
    return standing


def _lets_us_in(standing: Standing, auth: str) -> bool:
    """Whether it takes our password; a server that has just come up, on a busy machine, may be slow to say so."""
    until = time.monotonic() + ANSWERED_WITHIN
    while (status := status_of(standing.url, "/admin/version", auth=auth)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return status == HTTPStatus.OK


def _origins(standing: Standing) -> list[str]:
    """The addresses of its page: a person may type the name of this machine for its number."""
    names = [standing.page]
    if is_loopback(standing.host):
        names += [f"http://{name}:{standing.port}" for name in ("127.0.0.1", "localhost")]
    return list(dict.fromkeys(names))


def _save_migrations(directory: Path) -> None:
    """Begin with the tables that an embedded run has made already, where there are some: 6 seconds less."""
    template = plait_home() / "prefect" / version("prefect") / "template.db"
    database = directory / "prefect.db"
    if template.exists() and not database.exists():
        shutil.copyfile(template, database)


def _register(directory: Path, standing: Standing, say: Say) -> tuple[str, ...]:
    """Talk to the server in this process: Prefect reads where it is when it is imported."""
    os.environ.update(worker_settings(directory, url=standing.url, auth=password(directory)))
    from plait.flows.servers.deploying import register_everything

    return register_everything(on_step=say)


def _worker(directory: Path, standing: Standing, say: Say) -> Standing:
    if standing.worker.alive:
        return standing
    from plait.flows.servers.deploying import POOL, worker_name

    say("starting the worker")
    home = directory / "worker"
    home.mkdir(mode=0o700, exist_ok=True)
    settings = worker_settings(directory, url=standing.url, auth=password(directory))
    daemon = start_daemon(
        [
            *(sys.executable, "-P", "-m", "prefect", "worker", "start"),
            *("--pool", POOL, "--type", "process", "--name", worker_name()),
        ],
        directory=home,
        environment={**environment_without_prefect(), **settings, "PLAIT_HOME": str(plait_home())},
        log=directory / "worker.log",
        die_with_parent=False,
    )
    standing = replace(standing, worker=as_process(daemon))
    write_standing(directory, standing)
    return standing


def _answers_within(standing: Standing, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until and standing.server.alive:
        if is_healthy(standing.url):
            return True
        time.sleep(0.1)
    return False


def _check_port(host: str, port: int) -> None:
    """Refuse a port that somebody else has, before anything is started."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as problem:
        reason = problem.strerror or str(problem)
        raise EnvironmentProblem(f"cannot listen on {host}, port {port}: {reason}", _HINT_PORT) from None


def _stop(name: str, process: Process, grace: float) -> None:
    if not stop_process(process.pid, process.started, grace):
        raise EnvironmentProblem(f"the {name} (process {process.pid}) cannot be ended", "end it by hand")


def _notes(standing: Standing, *, host: str, port: int) -> tuple[str, ...]:
    notes: list[str] = []
    if (standing.host, standing.port) != (host, port):
        notes.append(f"it stays at {standing.page}; `plait down` first, to have it elsewhere")
    if standing.prefect != version("prefect"):
        notes.append(f"it runs Prefect {standing.prefect}; `plait down` and `plait up` for {version('prefect')}")
    if not is_loopback(standing.host):
        notes.append("the password crosses the network unencrypted: put https before it")
    return tuple(notes)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One `up` or `down` at a time."""
    with (directory / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
