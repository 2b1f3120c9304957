"""The model door: a server of a run's own that agents reach their providers through, each by a token of its try."""

import asyncio
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import h11

from plait.door.agent_link import AgentGone, AgentLink
from plait.door.agent_requests import BadRequest, asks_for_upgrade, is_too_long, target_of, tokens_in
from plait.door.day_book import DayBook
from plait.door.exchange import Exchange, House, pause_answer
from plait.door.ledger import Ledger, OpenTry
from plait.door.machine_pauses import MachinePauses
from plait.door.patience import LONGEST_BODY, MOST_AT_ONCE, MOST_CONNECTIONS, PIECE, Patience
from plait.door.provider_links import ProviderLinks
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.launching import DoorEntry
from plait.plans.agents.prices import PriceList
from plait.plans.budgets.limits import Expense, Limits
from plait.plans.budgets.provider_paths import PROVIDERS, Provider, call_of, shape_of
from plait.plans.budgets.upstreams import Upstream
from plait.plans.budgets.usage_fields import Api

_T = TypeVar("_T")
_SOCKET = "door"
_NO_RETRY = [(b"x-should-retry", b"false")]


@dataclass(frozen=True, slots=True)
class _Running:
    """The server while it runs, in a thread of its own."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    folder: Path
    """Of this user alone; holds the socket."""
    port: int


class ModelDoor:
    """A reverse proxy on loopback, and on a unix socket that sandboxes bind in. It starts with the first try.

    Example: `with ModelDoor(home, prices=load_prices(home), environment=os.environ) as door:` then
    `entry = door.open_for("TASK-1", upstream, account="claude")`, and `door.close(entry)` says what was seen.

    Args:
        home: PLAIT_HOME: where pauses of accounts and the spending of the day are.
        prices: What models cost.
        environment: The user's, for proxies and certificates; keys are in the upstreams.
        run: The run's id, for the book of the day.
        run_limits: The most that all tries of this door may spend.
        day_limits: The most that all runs of this machine may spend in a day.
        clock: Seconds since the epoch.
        random: For jitter.
        patience: How long it waits.
    """

    def __init__(
        self,
        home: Path,
        *,
        prices: PriceList,
        environment: Mapping[str, str],
        run: str = "",
        run_limits: Limits = Limits(),  # noqa: B008  (frozen)
        day_limits: Limits = Limits(),  # noqa: B008
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
        patience: Patience = Patience(),  # noqa: B008
    ) -> None:
        self._run = run
        ledger = Ledger(prices, DayBook(home), clock, run_limits=run_limits, day_limits=day_limits)
        draws = random or Random()  # noqa: S311  (spreads waits, and makes no secret)
        links = ProviderLinks(dict(environment), patience)
        self._house = House(links, ledger, MachinePauses(home), patience, clock, draws)
        self._tries: dict[str, OpenTry] = {}
        self._talks: dict[asyncio.Task[None], tuple[AgentLink, OpenTry | None]] = {}
        self._running: _Running | None = None
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _problem: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.shut()

    @property
    def url(self) -> str:
        """Where it listens, such as `http://127.0.0.1:4711`; entries say the whole of it."""
        return f"http://127.0.0.1:{self._start().port}"

    @property
    def socket(self) -> Path:
        """The unix socket that a sandbox binds in: the same server."""
        return self._start().folder / _SOCKET

    def open_for(
        self,
        task: str,
        upstream: Upstream,
        *,
        account: str,
        limits: Limits = Limits(),  # noqa: B008
        before: Expense = Expense(),  # noqa: B008
    ) -> DoorEntry:
        """Let one try of a task in.

        Args:
            task: Its id. All its tries count together.
            upstream: Its provider, with the real key.
            account: As `accounts.sharing.account_of` names it: what pauses together.
            limits: The most that the task may spend.
            before: What the task had spent before this door began.
        """
        url = self.url
        open_try = OpenTry(task, account, upstream, limits, run=self._run)
        self._in_loop(self._let_in(open_try, before))
        return DoorEntry(f"{url}/{upstream.provider}", open_try.token)

    def close(self, entry: DoorEntry) -> DoorSight:
        """End a try: its token is worth nothing from now on, and what it still does is cut off.

        What it has come to is given as often as it is asked for.
        """
        return self._in_loop(self._shut_out(entry.token))

    def sight_of(self, entry: DoorEntry) -> DoorSight:
        """What was seen of a try so far."""
        return self._in_loop(self._seen(entry.token))

    def expense_of(self, task: str) -> Expense:
        """What a task has spent in all its tries, calls that go on included."""
        return self._in_loop(self._read(lambda: self._house.ledger.of_task(task)))

    @property
    def run_expense(self) -> Expense:
        """What the run has spent."""
        return self._in_loop(self._read(self._house.ledger.of_run))

    def add(self, task: str, expense: Expense) -> None:
        """Count what a try has spent beside the door, such as one with a login of its own."""
        self._in_loop(self._read(lambda: self._house.ledger.add(task, expense)))

    def end_budget(self, words: str) -> None:
        """Let nothing more be spent by anybody: `time of the run: 12h`. Streams end with their next piece."""
        self._in_loop(self._read(lambda: self._house.ledger.end(words)))

    def shut(self) -> None:
        """End the server and all that goes through it."""
        with self._starting:
            running, self._running = self._running, None
        if running is not None:
            running.loop.call_soon_threadsafe(running.loop.stop)
            running.thread.join(10.0)
            shutil.rmtree(running.folder, ignore_errors=True)

    def _in_loop(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._start().loop).result(30.0)

    def _start(self) -> "_Running":
        with self._starting:
            if self._running is None:
                # Below /tmp: the name of a socket has 107 bytes, and a home's own path often leaves none of them.
                folder = Path(tempfile.mkdtemp(prefix="plait-door-"))
                loop = asyncio.new_event_loop()
                begun: Future[int] = Future()
                thread = threading.Thread(target=self._live, args=(loop, folder, begun), name="plait-door", daemon=True)
                thread.start()
                self._running = _Running(loop, thread, folder, begun.result(30.0))
            return self._running

    def _live(self, loop: asyncio.AbstractEventLoop, folder: Path, begun: "Future[int]") -> None:
        asyncio.set_event_loop(loop)
        try:
            begun.set_result(loop.run_until_complete(self._listen(folder)))
            loop.run_forever()
        except BaseException as problem:
            if not begun.done():
                begun.set_exception(problem)
        finally:
            self._house.links.close()
            rest = asyncio.all_tasks(loop)
            for task in rest:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
            loop.close()

    async def _listen(self, folder: Path) -> int:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=PIECE, backlog=1_024)
        await asyncio.start_unix_server(self._serve, str(folder / _SOCKET), limit=PIECE, backlog=1_024)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _let_in(self, open_try: OpenTry, before: Expense) -> None:
        self._house.ledger.begin(open_try.task, before)
        self._tries[open_try.token] = open_try

    async def _shut_out(self, token: str) -> DoorSight:
        open_try = self._tries.get(token)
        if open_try is None:
            return DoorSight()
        open_try.is_over = True
        for talk, (_agent, whose) in list(self._talks.items()):
            if whose is open_try:
                talk.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await talk
        return open_try.sight()

    async def _seen(self, token: str) -> DoorSight:
        open_try = self._tries.get(token)
        return DoorSight() if open_try is None else open_try.sight()

    async def _read(self, look: Callable[[], _T]) -> _T:
        return look()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of an agent, request after request."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        agent = AgentLink(reader, writer, self._house.patience)
        self._talks[task] = (agent, None)
        self._make_room()
        try:
            while (request := await agent.next_request()) is not None:
                if not await self._answer(agent, request, task) or not agent.can_go_on():
                    break
                self._talks[task] = (agent, None)
            await agent.close()
        except h11.RemoteProtocolError as problem:
            with suppress(AgentGone, h11.ProtocolError):
                status = problem.error_status_hint
                await agent.refuse("chat", "request", f"this is no HTTP: {problem}", status=status)
                await agent.close()
        except (AgentGone, OSError, h11.ProtocolError, asyncio.CancelledError):
            pass  # cancelled by us alone: its try was closed, or the door is
        finally:
            del self._talks[task]
            agent.abort()

    def _make_room(self) -> None:
        """Close the connection that has been idle longest where there are too many, and this one where none is."""
        if len(self._talks) > MOST_CONNECTIONS:
            idle = (agent for agent, _whose in self._talks.values() if agent.is_idle)
            next(idle).abort()

    async def _answer(self, agent: AgentLink, request: h11.Request, task: asyncio.Task[None]) -> bool:
        """Answer one request; whether another may follow on its connection."""
        try:
            target = target_of(request)
        except BadRequest as problem:
            await agent.refuse("chat", "request", problem.words, status=problem.status, closes=True)
            return False
        if target.route not in PROVIDERS:
            await agent.refuse("chat", "path", f"this door leads to {', '.join(PROVIDERS)}, each below its name")
            return False
        provider: Provider = target.route
        shape = shape_of(provider)
        tokens = tokens_in(request, target)
        open_try = self._tries.get(next(iter(tokens))) if len(tokens) == 1 else None
        if open_try is None or open_try.is_over:
            words = "this token is over" if open_try else "the token of a task's try is wanted in place of a key"
            await agent.refuse(shape, "token", words, closes=True)
            return False
        if asks_for_upgrade(request):
            more = [(b"upgrade", b"HTTP/1.1"), (b"connection", b"upgrade")]
            await agent.refuse(shape, "request", "no WebSocket goes through here", status=426, more=more, closes=True)
            return False
        call = call_of(provider, request.method.decode("ascii"), target.path)
        if call is None or open_try.upstream.provider != provider:
            await agent.refuse(shape, "path", f"{request.method.decode('ascii')} {target.path[:100]} is not for agents")
            return True
        if is_too_long(request):
            await agent.refuse(call.api, "too large", f"more than {LONGEST_BODY:,} bytes", closes=True)
            return False
        if await self._is_refused(agent, open_try, call.api):
            return True
        self._talks[task] = (agent, open_try)
        open_try.at_once += 1
        try:
            exchange = Exchange(self._house, agent, open_try, call)
            return await exchange.run(request, target.query, has_query_key=bool(target.token))
        finally:
            open_try.at_once -= 1

    async def _is_refused(self, agent: AgentLink, open_try: OpenTry, api: Api) -> bool:
        """Refuse what would go too far: a spent budget, an account that rests, too much at once."""
        house = self._house
        if words := house.ledger.spent(open_try):
            open_try.spent = words
            await agent.refuse(api, "budget", f"the budget is spent: {words}", more=_NO_RETRY)
            return True
        if (pause := house.pause_of(open_try.account)) is not None:
            now = house.clock()
            open_try.refuse_for(pause)
            reason, more = pause_answer(pause, now, house.random.random())
            await agent.refuse(api, reason, f"{open_try.account} rests: {pause.words}", more=more)
            return True
        if open_try.at_once >= MOST_AT_ONCE:
            await agent.refuse(api, "busy", f"more than {MOST_AT_ONCE} requests at once", more=[(b"retry-after", b"1")])
            return True
        return False
