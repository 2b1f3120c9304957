"""The tools of a model as pydantic-ai offers them, each use told as an event."""

import asyncio
import threading
from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic_ai import RunContext, Tool
from pydantic_ai.exceptions import ToolFailed

from plait.agent_host import tools
from plait.agent_host.checkout_files import CheckoutFiles, PathDenied
from plait.agent_host.telling import Teller, clean
from plait.plans.agents.launching import LaunchOrder
from plait.plans.agents.stream import Denied, ToolEnded, ToolStarted
from plait.plans.errors import PlaitError
from plait.plans.wording import one_line

READING: Final = ("list", "search", "read")
WRITING: Final = (*READING, "edit", "write", "shell")
_SHOWN: Final = 200

Path = Annotated[str, Field(description="From the checkout, such as src/main.py.")]


class Toolbox:
    """What a model can use in one try, confined to one checkout but for the shell, which is as free as its user."""

    def __init__(self, order: LaunchOrder, teller: Teller, environment: dict[str, str]) -> None:
        self._order, self._teller, self._environment = order, teller, environment
        self._files = CheckoutFiles(order.directory)
        self._stop = threading.Event()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tools that the order allows."""
        most = READING if self._order.access == "read" else WRITING
        return most if self._order.tools is None else tuple(name for name in most if name in self._order.tools)

    def offered(self) -> list[Tool[None]]:
        """As pydantic-ai takes them: one at a time, for two edits of one file would undo each other."""
        return [Tool(getattr(self, f"_{name}"), name=name, takes_ctx=True, sequential=True) for name in self.names]

    def close(self) -> None:
        """End the command that runs, if one does."""
        self._stop.set()
        self._files.close()

    async def _list(self, ctx: RunContext[None], path: Path = ".", recursive: bool = False) -> str:
        """List a folder: a line for each entry, folders with a slash at the end."""
        return self._use(ctx, "list", path, "", lambda: tools.listing(self._files, path, recursive=recursive))

    async def _search(self, ctx: RunContext[None], pattern: str, path: Path = ".", glob: str = "*") -> str:
        """Search the lines of text files for a regular expression (Python's), below a folder or in one file.

        Args:
            glob: Only in files whose name or path fits it, such as *.py.
        """
        return self._use(ctx, "search", path, pattern, lambda: tools.search(self._files, pattern, path, glob))

    async def _read(self, ctx: RunContext[None], path: Path, offset: int = 1, limit: int = tools.MOST_LINES) -> str:
        """Read a text file, or some of its lines.

        Args:
            offset: The first line, counted from 1.
            limit: How many lines.
        """
        return self._use(ctx, "read", path, "", lambda: tools.read(self._files, path, offset, limit))

    async def _edit(self, ctx: RunContext[None], path: Path, old: str, new: str, everywhere: bool = False) -> str:
        """Replace a text in a file.

        Args:
            old: Exactly as it is in the file, with enough around it to be there once.
            new: What comes in its place.
            everywhere: Replace each of several.
        """
        return self._use(ctx, "edit", path, "", lambda: tools.edit(self._files, path, old, new, everywhere=everywhere))

    async def _write(self, ctx: RunContext[None], path: Path, content: str) -> str:
        """Write a file anew, with the folders that it is in."""
        return self._use(ctx, "write", path, "", lambda: tools.write(self._files, path, content))

    async def _shell(self, ctx: RunContext[None], command: str, timeout: float = tools.SHELL_SECONDS) -> str:
        """Run a command with /bin/sh in the checkout; what it starts in the background ends with it.

        Args:
            timeout: Seconds, at most an hour.
        """
        call = ctx.tool_call_id or ""
        self._teller.tell(ToolStarted(call, "shell", detail=one_line(clean(command), _SHOWN)))
        work = asyncio.to_thread(
            tools.shell,
            command,
            directory=self._order.directory,
            environment=self._environment,
            temporary=self._order.temporary,
            seconds=timeout,
            stop=self._stop,
            on_line=lambda _line: self._teller.pulse(),
        )
        try:
            is_good, text = await work
        except PlaitError as problem:
            self._teller.tell(ToolEnded(call, is_good=False, detail=str(problem)))
            raise ToolFailed(str(problem)) from problem
        except asyncio.CancelledError:
            self._stop.set()
            raise
        self._teller.tell(ToolEnded(call, is_good=is_good, detail=text.splitlines()[-1]))
        return text

    def _use(
        self,
        ctx: RunContext[None],
        tool: Literal["list", "search", "read", "edit", "write"],
        path: str,
        detail: str,
        work: Callable[[], str],
    ) -> str:
        call, paths = ctx.tool_call_id or "", (clean(path, 1000),)
        self._teller.tell(ToolStarted(call, tool, paths=paths, detail=one_line(clean(detail), _SHOWN)))
        try:
            text = work()
        except PlaitError as problem:
            if isinstance(problem, PathDenied):
                self._teller.tell(Denied(tool, reason=str(problem), kind="path"))
            self._teller.tell(ToolEnded(call, is_good=False, paths=paths, detail=str(problem)))
            raise ToolFailed(clean(str(problem))) from problem
        self._teller.tell(ToolEnded(call, is_good=True, paths=paths if tool in ("edit", "write") else ()))
        return clean(text, 200_000)
