"""Role limits that all runs of a Prefect server share: global concurrency limits, taken without ever waiting.

The client's own `concurrency()` sleeps until a slot is free, and asks in no order; a dispatcher has other roles to look
after. So a slot is one request that is granted or not, and its lease is kept while there is work for it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from plait.flows.servers.client import is_embedded
from plait.plans.errors import EnvironmentProblem
from plait.workspace.role_slots import FileSlots, SlotSource

PREFIX = "plait-role-"
LEASE_SECONDS = 120.0
"""How long a slot outlives a run that was killed; the server allows no less than 60."""
PATIENCE = 20.0
"""Seconds that the server may take for one answer; it takes 0.01. Giving up early is no gain: a slot that was granted
after all is nobody's until its time is over."""

LOST_AFTER = 120.0
"""Seconds without an answer after which the server counts as lost; until then nothing is granted."""

_TAKEN = (httpx.codes.LOCKED, httpx.codes.UNPROCESSABLE_ENTITY)
"""All slots are taken; or the limit is 0, since somebody paused the role on the page."""
_TRANSIENT = (httpx.codes.FORBIDDEN, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS)
"""403: the token against forged requests was too old, and the client has fetched another."""

_LOG = logging.getLogger("plait.limits")


class UnknownLimitError(EnvironmentProblem):
    """The server has no limit of this name: it would grant everything."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One slot of one role, held until it is released or its time is over."""

    id: UUID
    role: str


class LeaseSlots:
    """Slots of roles on a Prefect server, for one run; safe to use from several threads.

    Args:
        lease_seconds: How long a slot is held without a sign of life; renewed at a third of it.
        on_lost: Told, in a thread of its own, of a lease that the server no longer knows. What was started under it
            goes on: ending an agent for an entry in a book would waste its work.
    """

    def __init__(
        self, *, lease_seconds: float = LEASE_SECONDS, on_lost: Callable[[Lease], None] = lambda _lease: None
    ) -> None:
        self._seconds, self._on_lost = lease_seconds, on_lost
        self._holder = _this_flow_run()
        # Where the client asks once: it would repeat a request for minutes, and the dispatcher would stand still.
        # Entered once, since changing a setting takes 30 ms.
        self._quick, self._settings = copy_context(), ExitStack()
        self._quick.run(self._settings.enter_context, temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}))
        self._client = get_client(sync_client=True, httpx_settings={"timeout": httpx.Timeout(PATIENCE)}).__enter__()
        self._failing_since: float | None = None
        self._held: dict[UUID, Lease] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="plait-leases", daemon=True)
        self._keeper.start()

    def try_take(self, role: str) -> Lease | None:
        """One slot of a role, or nothing when all are taken: one request, never a wait for a slot.

        Raises:
            UnknownLimitError: the role has no limit on the server.
            EnvironmentProblem: the server does not answer.
        """
        name = limit_name(role)
        try:
            answer = self._ask(
                lambda: self._client.increment_concurrency_slots_with_lease(
                    names=[name], slots=1, mode="concurrency", lease_duration=self._seconds, holder=self._holder
                )
            ).json()
            self._failing_since = None
        except httpx.HTTPError as problem:
            self._look_into(problem)
            return None
        lease = Lease(UUID(answer["lease_id"]), role)
        if not answer["limits"]:
            self._give_back(lease)
            raise UnknownLimitError(
                f"the Prefect server has no concurrency limit {name!r}, so it would not limit the role {role}",
                "`plait up` and `plait deploy` make the limits of the saved crew; a run makes those it lacks",
            )
        with self._lock:
            self._held[lease.id] = lease
        return lease

    def _look_into(self, problem: httpx.HTTPError) -> None:
        """Accept that the answer was no, or may be another one soon; raise where it will not be."""
        if isinstance(problem, httpx.HTTPStatusError):
            status = problem.response.status_code
            if status in _TAKEN:
                self._failing_since = None
                return
            if status < httpx.codes.INTERNAL_SERVER_ERROR and status not in _TRANSIENT:
                raise _unreachable(problem) from None
        self._failing_since = self._failing_since or time.monotonic()
        _LOG.warning("the server gave no answer about a slot, asking again soon: %r", problem)
        if time.monotonic() - self._failing_since > LOST_AFTER:
            raise _unreachable(problem) from None

    def _ask(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        return self._quick.copy().run(request)

    def release(self, lease: object) -> None:
        """Give a slot back; one that cannot be given back is free when its time is over."""
        if not isinstance(lease, Lease):
            raise TypeError(f"not a lease: {lease!r}")
        with self._lock:
            known = self._held.pop(lease.id, None)
        if known is not None:
            self._give_back(lease)

    def close(self) -> None:
        """Give everything back and stop renewing."""
        self._over.set()
        self._keeper.join(timeout=2)
        # One that cannot be given back means that the server is away: the others are free by their time too.
        all(self._give_back(lease) for lease in list(self._held.values()))
        self._held.clear()
        self._client.__exit__(None, None, None)
        self._quick.run(self._settings.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _give_back(self, lease: Lease) -> bool:
        try:
            self._ask(lambda: self._client.release_concurrency_slots_with_lease(lease.id))
        except httpx.HTTPError as problem:
            _LOG.warning("a slot of %s is freed later, by its time: %r", lease.role, problem)
            return False
        return True

    def _keep(self) -> None:
        while not self._over.wait(self._seconds / 3):
            for lease in list(self._held.values()):
                self._renew(lease)

    def _renew(self, lease: Lease) -> None:
        try:
            self._ask(lambda: self._client.renew_concurrency_lease(lease.id, self._seconds))
        except httpx.HTTPStatusError as refusal:
            if refusal.response.status_code == httpx.codes.GONE:
                with self._lock:
                    lost = self._held.pop(lease.id, None)
                if lost is not None:
                    _LOG.warning("the server no longer knows the lease of a slot of %s", lease.role)
                    self._on_lost(lost)
        except (httpx.HTTPError, RuntimeError) as problem:  # RuntimeError: the client was closed meanwhile
            if not self._over.is_set():
                _LOG.warning("cannot renew a slot of %s, trying again: %r", lease.role, problem)


def shared_slots(roles: Mapping[str, int], *, home: Path, tell: Callable[[str], None]) -> SlotSource:
    """Where this run takes its slots from (SEMANTICS, Role limits across runs).

    Args:
        roles: Slots by role, as the crew has them.
        tell: Told in a sentence where the server allows fewer.

    Raises:
        EnvironmentProblem: the server does not answer.
    """
    if is_embedded():
        return FileSlots(home / "slots", dict(roles))
    ensure_limits(roles)
    for role, limit in tighter_limits(roles).items():
        tell(
            f"the server lets {limit} of {role} work at once, the crew has {roles[role]}: "
            f"the limit is {limit_name(role)}, on its page under Concurrency"
        )
    return LeaseSlots()


def limit_name(role: str) -> str:
    """A role's limit on the server, as the page lists it."""
    return PREFIX + role


def ensure_limits(roles: Mapping[str, int]) -> list[str]:
    """Make the limits that the server lacks, and give their names; those that are there keep the server's value.

    Args:
        roles: Slots by role.

    Raises:
        EnvironmentProblem: the server does not answer.
    """
    made: list[str] = []
    try:
        with get_client(sync_client=True) as client:
            known = known_limits(client)
            for role, slots in roles.items():
                if limit_name(role) not in known and _create(client, limit_name(role), slots):
                    made.append(limit_name(role))
    except httpx.HTTPError as problem:
        raise _unreachable(problem) from None
    return made


def tighter_limits(roles: Mapping[str, int]) -> dict[str, int]:
    """For each role of which the server lets fewer agents run than it has slots: how many.

    Raises:
        EnvironmentProblem: the server does not answer.
    """
    try:
        with get_client(sync_client=True) as client:
            known = known_limits(client)
    except httpx.HTTPError as problem:
        raise _unreachable(problem) from None
    given = {role: known.get(limit_name(role), slots) for role, slots in roles.items()}
    return {role: limit for role, limit in given.items() if limit < roles[role]}


def known_limits(client: SyncPrefectClient, *, page: int = 200) -> dict[str, int]:
    """All limits of a server by name, asked for in pages; 200 is the most that it gives at once."""
    known: dict[str, int] = {}
    while found := client.read_global_concurrency_limits(limit=page, offset=len(known)):
        known |= {limit.name: limit.limit for limit in found}
    return known


def _create(client: SyncPrefectClient, name: str, slots: int) -> bool:
    """False when another run was quicker."""
    try:
        client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=slots))
    except ObjectAlreadyExists:
        return False
    return True


def _this_flow_run() -> ConcurrencyLeaseHolder | None:
    """Who the page names beside a slot that is taken."""
    from prefect.runtime import flow_run

    return ConcurrencyLeaseHolder(type="flow_run", id=UUID(str(flow_run.id))) if flow_run.id else None


def _unreachable(problem: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"the Prefect server at {os.environ.get('PREFECT_API_URL', '(no PREFECT_API_URL)')} did not give an answer"
        f" about role limits: {problem}",
        "see that it runs; a run goes on from what it has finished when it is started again",
    )
