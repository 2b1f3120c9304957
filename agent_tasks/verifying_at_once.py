"""Several verifications beside each other: each can be stopped alone, and what ends is heard at once."""

import threading
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Protocol

from plait.agent_tasks.pipeline import EitherEvent
from plait.plans.landing.branch_sets import Subset
from plait.workspace.verification import Verification


class Verify(Protocol):
    """Verifies one sub-set."""

    def __call__(self, subset: Subset, *, again: bool, stop: threading.Event) -> Verification: ...


class VerifyingAtOnce:
    """What is being verified; at its end all that still runs is stopped, and waited for."""

    def __init__(self, verify: Verify, slots: int, stop: threading.Event) -> None:
        self._verify, self._run_stop = verify, stop
        # Those that were stopped take a moment to end, and keep nobody waiting here: the verifier has the slots.
        self._pool = ThreadPoolExecutor(max_workers=2 * slots, thread_name_prefix="verify")
        self._going: dict[Subset, tuple[Future[Verification], threading.Event]] = {}

    def __enter__(self) -> "VerifyingAtOnce":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(self.running)
        self._pool.shutdown(cancel_futures=True)

    @property
    def running(self) -> tuple[Subset, ...]:
        """All that is wanted still."""
        return tuple(self._going)

    def start(self, subsets: Iterable[Subset], *, again: bool = False) -> None:
        """Verify these, too; `again`: whatever is remembered of them."""
        for subset in subsets:
            own = threading.Event()  # set when this one is not wanted any more
            stop = EitherEvent(own, self._run_stop)
            self._going[subset] = (self._pool.submit(self._verify, subset, again=again, stop=stop), own)

    def stop(self, subsets: Collection[Subset]) -> None:
        """End these; nothing is heard of them any more."""
        for subset in subsets:
            _, stop = self._going.pop(subset)
            stop.set()

    def ended(self) -> list[tuple[Subset, Verification]]:
        """Wait until one has ended at least, and give all that have.

        Raises:
            TaskStopped: the run was cancelled meanwhile.
        """
        wait([future for future, _ in self._going.values()], return_when=FIRST_COMPLETED)
        over = [subset for subset, (future, _) in self._going.items() if future.done()]
        return [(subset, self._going.pop(subset)[0].result()) for subset in over]
