"""Calls the flow from a command: finds or starts a Prefect API, follows the run, prints its end."""

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.flows.inputs.requests import Brief
from plait.flows.recording.kept_expectations import kept_forecast
from plait.flows.recording.notifying import NOTIFY
from plait.flows.running.calling import CALL, Call
from plait.flows.running.nothing_left import is_all_done, nothing_told, notices_of, settle_again
from plait.flows.running.startable import Startable, require_startable
from plait.flows.running.stop_signals import stopped_by_signals
from plait.flows.running.trial import try_out
from plait.flows.runs import seen_from_here
from plait.flows.servers.choosing import ServerChoice, choose_server
from plait.flows.terminal.text_layout import for_reading
from plait.flows.terminal.view import LiveView, PlainView
from plait.plans.errors import ExitCode
from plait.plans.language.documents import MAX_BYTES
from plait.plans.tasks.outcomes import FeatureOutcome, RunState
from plait.show.metrics import measure
from plait.show.outcome_json import outcome_json
from plait.show.run_report import report_text
from plait.workspace.home import plait_home, run_directory
from plait.workspace.places import is_file, is_folder

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State  # imports Prefect

    from plait.flows.servers.embedded import ServerAddress


SENT_WITHIN = 10.0
"""Seconds at the end of a run for its last states to reach the server."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What `plait run` was asked for."""

    brief: Brief
    repository: Path
    base: str | None = None
    crew: str = ""
    only: tuple[str, ...] = ()
    fresh: bool = False
    refresh: bool = False
    """Whether base is taken in."""
    yes: bool = False
    """Whether every question is answered yes."""
    improve: float = 0.0
    """Seconds to search for a better order of dispatch."""
    preflight: bool = True
    """Whether set-ups, and the programs that checks name, are tried before anything starts."""
    notify: str | None = None
    """A shell command of the user's that is told how it went; nothing: what PLAIT_NOTIFY says."""
    server: str | None = None
    """`none` or the address of a Prefect API; nothing: the first that `choose_server` finds."""


def launch(wanted: Launch, *, json: bool, quiet: bool = False) -> ExitCode:
    """Run the flow in this process and print what came of it.

    Raises:
        PlaitError: the run could not begin.
    """
    wanted = replace(wanted, repository=wanted.repository.resolve())
    if wanted.notify is not None:
        os.environ[NOTIFY] = wanted.notify
    choice = choose_server(wanted.server)
    startable = require_startable(
        wanted.brief, repository=wanted.repository, base=wanted.base, only=wanted.only, fresh=wanted.fresh
    )
    if _has_nothing_left(startable, wanted, json=json, quiet=quiet):
        return ExitCode.LANDED
    home = plait_home()  # asked for now: at the end the disk may be full
    view = _view(json=json, quiet=quiet)
    call = Call(wanted.brief, plan=_place_of(wanted.brief), watcher=view, preflight=wanted.preflight)
    if isinstance(view, LiveView) and not wanted.yes:
        view.ask_when_red(call.stop)
    broken = _carry_out(wanted, startable, call, view, choice)
    if call.outcome is not None:
        # Also of a run that broke: what had landed by then has landed.
        _print_end(call.outcome, home, json=json, repository=wanted.repository)
    trouble = call.trouble or broken
    if isinstance(trouble, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third one finds us on the way out
        sys.stderr.write("cancelled\n")
        return ExitCode.CANCELLED
    if trouble is not None:
        from plait.flows.running.breaking import explained

        raise explained(trouble)
    if call.outcome is None:
        raise RuntimeError("the flow ended without an outcome")
    return exit_code_of(call.outcome, environment=call.environment)


def _place_of(brief: Brief) -> str:
    """The absolute path of a plan: soon this process works elsewhere, and `plait retry` runs it from anywhere."""
    place = Path(brief.source)
    return os.path.abspath(place) if is_file(place) or is_folder(place) else ""  # noqa: PTH100 - a link stays one


def _has_nothing_left(startable: Startable, wanted: Launch, *, json: bool, quiet: bool) -> bool:
    """Whether there is nothing to do, which is told."""
    if wanted.fresh or not is_all_done(startable, refresh=wanted.refresh):
        return False
    view = PlainView(quiet=quiet)
    for notice in notices_of(startable, wanted.brief, refresh=wanted.refresh):
        view.noted(notice)
    text = nothing_told(startable, wanted.brief)
    if json or wanted.brief.specs:
        outcome = settle_again(
            wanted.brief,
            repository=wanted.repository,
            base=wanted.base,
            only=wanted.only,
            tell=view.noted,
        )
        if outcome is None:
            from prefect.context import refresh_global_settings_context

            refresh_global_settings_context()
            return False
        text = outcome_json(outcome) if json else text
    if sys.stdout is not None:
        sys.stdout.write(text + "\n")
    return True


def _carry_out(
    wanted: Launch, startable: Startable, call: Call, view: "LiveView | PlainView", choice: ServerChoice
) -> BaseException | None:
    """Call the flow, with all that it needs around it; what ended it, where it did not end by itself."""
    logging.raiseExceptions = False  # a log on a full disk would print a traceback for each of its lines
    begun = threading.Event()
    try:
        with ExitStack() as open_things:
            open_things.enter_context(view.shown())
            open_things.enter_context(stopped_by_signals(call.stop, begun))
            if wanted.preflight and startable.outset is not None:
                _require_server(choice)  # set-ups may take minutes
                try_out(startable, wanted.repository, home=plait_home(), step=view.step, note=view.noted)
            # Prefect reads .env, prefect.toml and pyproject.toml of the directory it is imported in: not the user's.
            open_things.enter_context(_working_in(plait_home()))
            open_things.enter_context(_prefect_api(view, choice))
            begun.set()
            _call_flow(wanted, call)
    except KeyboardInterrupt as stopped:
        return None if call.outcome is not None else stopped
    except Exception as problem:
        return problem
    return None


def _require_server(choice: ServerChoice) -> None:
    """Refuse a server that the user has named and that cannot be used."""
    if choice.url:
        from plait.flows.servers.probing import require_reachable

        require_reachable(choice.url, {**os.environ, **choice.settings})


@contextmanager
def _working_in(directory: Path) -> Iterator[None]:
    """Change into a directory, and back where that can be: it may have been closed to us, or be gone by now."""
    before = None
    with suppress(OSError):
        before = os.getcwd()  # noqa: PTH109
    os.chdir(directory)
    try:
        yield
    finally:
        if before is not None:
            with suppress(OSError):
                os.chdir(before)


def exit_code_of(outcome: FeatureOutcome, *, environment: bool) -> ExitCode:
    """What the shell is told; `environment`: this machine, not a branch, kept something from landing."""
    if outcome.state is RunState.COMPLETED:
        return ExitCode.HELD_BACK if outcome.brought and outcome.brought.keeps_back else ExitCode.LANDED
    if outcome.state is RunState.CANCELLED:
        return ExitCode.CANCELLED
    return ExitCode.BAD_ENVIRONMENT if environment else ExitCode.HELD_BACK


def _view(*, json: bool, quiet: bool) -> "LiveView | PlainView":
    from rich.console import Console

    console = Console(stderr=json)
    if quiet or not console.is_terminal or os.environ.get("TERM") == "dumb":
        return PlainView(quiet=quiet)
    return LiveView(console)


@contextmanager
def _prefect_api(view: "LiveView | PlainView", choice: ServerChoice) -> Iterator[None]:
    """The server that was chosen, or an embedded one for the length of the run; set before Prefect is imported."""
    from plait.flows.servers.embedded import embedded_server, reap_servers

    for notice in choice.notices:
        view.noted(notice)
    if choice.url:
        from plait.flows.servers.probing import require_reachable
        from plait.flows.servers.settings import talk_to

        talk_to(choice.settings)
        require_reachable(choice.url)
        view.noted(f"it runs on the Prefect server at {choice.url} ({choice.why}{choice.way_out})")
        # What Prefect says of each task goes to its page; on a terminal it would break the live table.
        for handler in ("CONSOLE", "DEBUG"):
            os.environ.setdefault(f"PREFECT_LOGGING_HANDLERS_{handler}_LEVEL", "CRITICAL")
        try:
            yield
        finally:
            _send_what_is_left()
        return
    home = plait_home()
    reap_servers(home)
    view.step(f"a Prefect of its own ({choice.why})")
    with embedded_server(home, on_step=view.step, meanwhile=import_prefect):
        view.step("starting the flow")
        from plait.flows.servers.client import without_heartbeats

        with without_heartbeats():
            yield


def _send_what_is_left() -> None:
    """Give the last states the time to reach the server, and no more: a lost one would hold the process for hours."""
    from plait.flows.servers.client import finish_events

    finish_events(patience=SENT_WITHIN)


def import_prefect(address: "ServerAddress") -> None:
    """Import Prefect and the flow, with the settings that they read once, while the server comes up."""
    from plait.flows.servers.embedded import server_environment
    from plait.flows.servers.settings import talk_to

    talk_to(server_environment(address))
    import plait.flows.feature  # noqa: F401

    # Prefect imports these when the first task starts, while every other one waits for that.
    for late in ("prefect.task_engine", "prefect.concurrency._sync", "prefect.concurrency.services", "sqlmodel"):
        import_module(late)
    # What was imported stays: the collector need not look at it again and again (500 short tasks: 2 % less time).
    gc.collect()
    gc.freeze()


def _call_flow(wanted: Launch, call: Call) -> "State[Any] | None":
    """Call the flow in this thread: Prefect and our own signals need the main one."""
    from prefect.exceptions import TerminationSignal

    from plait.flows.feature import DeliverOptions, deliver_feature

    options = DeliverOptions(
        base=wanted.base or "",
        only=list(wanted.only),
        fresh=wanted.fresh,
        refresh=wanted.refresh,
        preflight=wanted.preflight,
        improve=wanted.improve,
    )
    plan = _shown(wanted.brief.text)
    token = CALL.set(call)
    try:
        return deliver_feature(plan, str(wanted.repository), wanted.crew, options, return_state=True)
    except (KeyboardInterrupt, TerminationSignal):
        if call.outcome is None:
            raise KeyboardInterrupt from None
        return None  # the outcome says that it was cancelled
    finally:
        CALL.reset(token)


def _shown(text: str) -> str:
    """The plan as the page shows it: Prefect refuses parameters of 512 KiB, which a folder of specs may be."""
    return text if len(text.encode()) <= MAX_BYTES else f"{text[: MAX_BYTES // 4]}\n# …"


def _print_end(outcome: FeatureOutcome, home: Path, *, json: bool, repository: Path) -> None:
    """Whoever reads it may have gone (`| head`, `>&-`): the exit code says all the same what came of the run."""
    if sys.stdout is None:  # closed by the shell
        return
    forecast = kept_forecast(run_directory(home, outcome.run_id))
    lines = report_text(outcome, measure(outcome), forecast, repository=seen_from_here(repository))
    text = outcome_json(outcome) if json else "\n".join(for_reading(lines))
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
