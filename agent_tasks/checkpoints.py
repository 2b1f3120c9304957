"""The work of an agent is committed every few minutes while it works: who comes after a crash goes on from there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from plait.agent_tasks.workshop import Workshop
from plait.plans.errors import PlaitError
from plait.plans.names import checkpoint_ref
from plait.workspace.checkouts import Checkout
from plait.workspace.git import git_date
from plait.workspace.harvest import checkpoint
from plait.workspace.trailers import message_with_trailers


@dataclass(slots=True)
class Checkpoints:
    """Those of one try: commits in plait's control repository, of which a ref names the newest."""

    shop: Workshop
    checkout: Checkout
    task: str
    newest: str | None = None

    @contextmanager
    def at_intervals(self, seconds: float, *, stop: threading.Event) -> Iterator[None]:
        """Inside, one is made whenever so many seconds have passed; 0: none."""
        if seconds <= 0:
            yield
            return
        over = threading.Event()

        def keep_on() -> None:
            while not over.wait(seconds) and not stop.is_set():
                self.make()

        worker = threading.Thread(target=keep_on, name=f"checkpoints of {self.task}", daemon=True)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()

    def make(self) -> None:
        """Commit what is there now, where that is other than before.

        Files come and go meanwhile, so that git may fail on one: then the one before stays the newest.
        """
        shop = self.shop
        message = message_with_trailers(
            f"Checkpoint of {self.task}", "", {"Plait-Run": shop.run_id, "Plait-Task": self.task}
        )
        try:
            made = checkpoint(shop.control, self.checkout, message=message, date=git_date())
            if made is None or (self.newest and self._tree(made) == self._tree(self.newest)):
                return
            shop.control.store.set_ref(checkpoint_ref(shop.feature, self.task), made, reason="plait: checkpoint")
            self.newest = made
        except (PlaitError, OSError):
            return

    def _tree(self, commit: str) -> str:
        return self.shop.control.store.tree_of(commit)
