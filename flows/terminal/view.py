"""What a run looks like on a terminal: a live table, or plain lines where nobody can watch a table."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from plait.flows.running.watching import LiveRun, Watcher
from plait.flows.terminal.sheet import Sheet
from plait.plans.wording import count
from plait.workspace.output import plain

REFRESHES_PER_SECOND = 5


class LiveView(Watcher):
    """A table that follows a run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._run: LiveRun | None = None
        self._step = ""
        self._over = False
        self._stop: threading.Event | None = None
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=False
        )

    def begun(self, live: LiveRun) -> None:
        """Show this run from now on."""
        self._run = live

    def step(self, text: str) -> None:
        """What is being done before there is a run."""
        self._step = text

    def noted(self, text: str) -> None:
        """A line that stays above the table."""
        self._console.print(Text(plain(f"note: {text}"), style="yellow"))

    def ask_when_red(self, stop: threading.Event) -> None:
        """Ask whether to go on when base is red; a no ends the run as the first Ctrl-C does."""
        self._stop = stop

    def base_red(self, reason: str, lands: str) -> None:
        """Say it above the table, and ask where anything lands all the same: the run goes on until somebody says no."""
        self.noted(f"the checks are red on what the run started from: {reason}")
        if not lands:
            self.noted("nothing more starts, as integration.base is green")
        elif self._stop is not None and sys.stdin.isatty():
            self.noted(f"{lands}. Go on? [Y/n]")
            threading.Thread(target=_stop_on_no, args=(self._stop,), daemon=True).start()

    def _draw(self) -> RenderableType:
        if self._run is None:
            return Text(f"… {self._step}", style="dim")
        live = self._run
        return Sheet(
            live.outcome(time.time()),
            live.lines,
            live.eta,
            height=None if self._over else self._console.height,
            active=live.active,
        )

    @contextmanager
    def shown(self) -> Iterator["LiveView"]:
        with self._live:
            try:
                yield self
            finally:
                self._over = True  # what stays on the screen is the whole table


def _stop_on_no(stop: threading.Event) -> None:
    """Wait for a line; the run does not wait for it."""
    if sys.stdin.readline().strip().lower() in ("n", "no"):
        stop.set()


class PlainView(Watcher):
    """One line for each change, with the seconds since the start: for logs, pipes and CI."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._began = time.monotonic()
        self._quiet = quiet
        self._lock = threading.Lock()

    def begun(self, live: LiveRun) -> None:
        """Say what is about to happen."""
        manifest = live.standings.manifest
        self._say(f"run {manifest.run}: {count(live.size, 'task')} onto {manifest.branch}")

    def told(self, text: str) -> None:
        """What has changed."""
        self._say(text)

    def step(self, text: str) -> None:
        """What is being done before there is a run."""
        self._say(text)

    def noted(self, text: str) -> None:
        """What a person should know."""
        self._say(f"note: {text}")

    def _say(self, text: str) -> None:
        if self._quiet:
            return
        with self._lock, suppress(OSError):  # whoever read this may have gone; the run goes on
            sys.stderr.write(f"{time.monotonic() - self._began:7.1f}s  {plain(text)}\n")
            sys.stderr.flush()

    @contextmanager
    def shown(self) -> Iterator["PlainView"]:
        yield self
