"""The Prefect server of `plait up` and its worker: what is kept of them, how they come up, and how they end."""

import fcntl
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex

from plait.flows.runs import known_runs
from plait.flows.servers.probing import is_healthy, last_words, status_of
from plait.flows.servers.settings import (
    bare_environment,
    environment_without_prefect,
    is_loopback,
    local_server_settings,
    talk_to,
    worker_settings,
)
from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.home import plait_home, server_directory
from plait.workspace.process import Daemon, is_alive, start_daemon, stop_process
from plait.workspace.small_files import write_whole

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

_USER = "plait"


@dataclass(frozen=True, slots=True)
class Process:
    """A process with its birth, since numbers are used again."""

    pid: int = 0
    started: str = ""

    @property
    def alive(self) -> bool:
        return is_alive(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """`server.json`: the server and the worker that `plait up` left running."""

    host: str
    port: int
    prefect: str
    """The version of Prefect that the server was started with."""
    server: Process = field(default_factory=Process)
    worker: Process = field(default_factory=Process)

    @property
    def page(self) -> str:
        """The address of its page."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The address of its API."""
        return f"{self.page}/api"


def as_process(daemon: Daemon) -> Process:
    """What is kept of a process that was started."""
    return Process(daemon.pid, daemon.started)


def read_server_record(directory: Path) -> ServerRecord | None:
    """What was written last, whether it still lives or not."""
    try:
        facts = json.loads((directory / "server.json").read_text(encoding="utf-8"))
        return replace(ServerRecord(**facts), server=Process(**facts["server"]), worker=Process(**facts["worker"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_server_record(directory: Path, record: ServerRecord) -> None:
    """Write it whole or not at all."""
    write_whole(directory / "server.json", json.dumps(asdict(record), indent=1))


def forget_server_record(directory: Path) -> None:
    """There is no server any more."""
    (directory / "server.json").unlink(missing_ok=True)


def password_file(directory: Path) -> Path:
    """Where the password is; readable by its owner alone."""
    return directory / "password"


def password(directory: Path) -> str:
    """What the server asks for, as `user:password`; made once."""
    place = password_file(directory)
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return place.read_text(encoding="utf-8").strip()
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(made := f"{_USER}:{token_hex(24)}")
    return made


def has_worker(url: str) -> bool:
    """Whether an API is that of `plait up`, and the worker beside it is alive."""
    record = read_server_record(server_directory(plait_home()))
    return record is not None and record.url == url.rstrip("/") and record.worker.alive


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
        known = read_server_record(directory)
        record = _running_server(directory, known, host=host, port=port, say=say)
        made = _register(directory, record, say)
        record = _running_worker(directory, record, say)
    return Up(
        page=record.page,
        url=record.url,
        password_file=password_file(directory),
        was_there=known == record,
        made=made,
        notes=_notes(record, host=host, port=port),
    )


def bring_down(*, say: Say) -> tuple[str, ...]:
    """Stop the worker with its runs, then the server, and give what was stopped; nothing when nothing ran.

    Raises:
        EnvironmentProblem: a process cannot be ended.
    """
    directory = server_directory(plait_home())
    with _alone(directory):
        record = read_server_record(directory)
        if record is None:
            return ()
        if record.server.alive:
            # The worker would kill its runs in the middle of keeping what their agents made.
            _stop_runs(plait_home(), record.url, patience=RUN_GRACE, say=say)
        stopped: list[str] = []
        for name, process, grace in (
            ("worker", record.worker, WORKER_GRACE),
            ("server", record.server, SERVER_GRACE),
        ):
            if process.alive:
                say(f"stopping the {name}")
                _stop(name, process, grace)
                stopped.append(name)
        forget_server_record(directory)
    return tuple(stopped)


def _stop_runs(home: Path, api_url: str, *, patience: float, say: Say) -> None:
    """Tell the worker's runs of a server to end, and wait until each has kept what its agents made.

    A run that was started from a shell is its owner's: it goes on without the server, and that is said.

    Args:
        patience: Seconds to wait for all of them together.
        say: Told each run.
    """
    live = [run for run in known_runs(home) if run.alive and run.api_url == api_url]
    for run in live:
        if run.deployed:
            say(f"stopping run {run.run_id}; what its agents made is kept")
            with suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGTERM)
        else:
            say(f"run {run.run_id} goes on in its terminal, without the server (`plait cancel {run.run_id}` ends it)")
    until = time.monotonic() + patience
    while any(run.alive for run in live if run.deployed) and time.monotonic() < until:
        time.sleep(0.1)


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


def _running_server(directory: Path, known: ServerRecord | None, *, host: str, port: int, say: Say) -> ServerRecord:
    """The server that runs, or a new one."""
    if known is not None and known.server.alive:
        if _answers_within(known, 10.0):
            return known
        say("the server does not answer: starting it again")
        _stop("worker", known.worker, WORKER_GRACE)
        _stop("server", known.server, SERVER_GRACE)
    elif known is not None and known.worker.alive:
        _stop("worker", known.worker, WORKER_GRACE)
    record = ServerRecord(host=host, port=port, prefect=version("prefect"))
    _check_port(host, port)
    say("starting the server")
    return _started_server(directory, record)


def _started_server(directory: Path, record: ServerRecord) -> ServerRecord:
    auth = password(directory)
    settings = local_server_settings(directory, host=record.host, port=record.port, auth=auth, origins=_origins(record))
    _save_migrations(directory)
    log = directory / "server.log"
    daemon = start_daemon(
        [
            *(sys.executable, "-P", "-m", "prefect", "server", "start"),
            *("--host", record.host, "--port", str(record.port)),
        ],
        directory=directory,
        environment=bare_environment() | settings,
        log=log,
        die_with_parent=False,
    )
    record = replace(record, server=as_process(daemon))
    write_server_record(directory, record)
    if not _answers_within(record, STARTED_WITHIN):
        _stop("server", record.server, SERVER_GRACE)
        forget_server_record(directory)
        if _is_too_new(log):
            raise EnvironmentProblem(
                f"the server's database was made by a newer Prefect than {record.prefect}, which cannot read it",
                f"install the newer one, or begin anew: move {_database(directory)} away (the history of its page)",
            )
        raise EnvironmentProblem(f"the server did not come up: {last_words(log)}", f"its log is {log}")
    if not _lets_us_in(record, auth):
        _stop("server", record.server, SERVER_GRACE)
        forget_server_record(directory)
        raise EnvironmentProblem(f"something else answers at {record.url}", _HINT_PORT)
    return record


def _is_too_new(log: Path) -> bool:
    """Whether the server has found migrations in its database that it does not have (alembic's words)."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 100_000))
        return b"Can't locate revision" in file.read()
    return False


def _database(directory: Path) -> Path:
    return directory / "prefect.db"


def _lets_us_in(record: ServerRecord, auth: str) -> bool:
    """Whether it takes our password; a server that has just come up, on a busy machine, may be slow to say so."""
    until = time.monotonic() + ANSWERED_WITHIN
    while (status := status_of(record.url, "/admin/version", auth=auth)) is None and time.monotonic() < until:
        time.sleep(0.1)
    return status == HTTPStatus.OK


def _origins(record: ServerRecord) -> list[str]:
    """The addresses of its page: a person may type the name of this machine for its number."""
    names = [record.page]
    if is_loopback(record.host):
        names += [f"http://{name}:{record.port}" for name in ("127.0.0.1", "localhost")]
    return list(dict.fromkeys(names))


def _save_migrations(directory: Path) -> None:
    """Begin with the tables that an embedded run has made already, where there are some: 6 seconds less."""
    template = plait_home() / "prefect" / version("prefect") / "template.db"
    database = _database(directory)
    if template.exists() and not database.exists():
        shutil.copyfile(template, database)


def _register(directory: Path, record: ServerRecord, say: Say) -> tuple[str, ...]:
    """Talk to the server in this process: Prefect reads where it is when it is imported."""
    talk_to(worker_settings(directory, url=record.url, auth=password(directory)))
    from plait.flows.servers.deploying import register_everything

    return register_everything(on_step=say)


def _running_worker(directory: Path, record: ServerRecord, say: Say) -> ServerRecord:
    if record.worker.alive:
        return record
    from plait.flows.servers.deploying import POOL, worker_name

    say("starting the worker")
    home = directory / "worker"
    home.mkdir(mode=0o700, exist_ok=True)
    settings = worker_settings(directory, url=record.url, auth=password(directory))
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
    record = replace(record, worker=as_process(daemon))
    write_server_record(directory, record)
    return record


def _answers_within(record: ServerRecord, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until and record.server.alive:
        if is_healthy(record.url):
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


def _notes(record: ServerRecord, *, host: str, port: int) -> tuple[str, ...]:
    notes: list[str] = []
    if (record.host, record.port) != (host, port):
        notes.append(f"it stays at {record.page}; `plait down` first, to have it elsewhere")
    if record.prefect != version("prefect"):
        notes.append(f"it runs Prefect {record.prefect}; `plait down` and `plait up` for {version('prefect')}")
    if not is_loopback(record.host):
        notes.append("the password crosses the network unencrypted: put https before it")
    return tuple(notes)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """One `up` or `down` at a time."""
    with (directory / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
