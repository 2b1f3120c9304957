"""Kills the integrator at random moments while people do what they like, and counts what must never be."""

import multiprocessing
import time
from collections import Counter
from contextlib import nullcontext
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

from plait.workspace.errors import GitFailed
from plait.workspace.trailers import read_trailers
from tests.chaos import integrator
from tests.chaos.failpoints import Failpoints
from tests.chaos.people import AUTHOR, Person, garbage_collected
from tests.chaos.processes import kill, survivors
from tests.chaos.site import FEATURE, LOG, TIP, Order, Site
from tests.chaos.tally import Tally

WAVE = 24
"""Tasks that are handed in when few are left."""


class Storm:
    """One repository, one integrator after another, and people."""

    def __init__(self, folder: Path, *, seed: int, people: bool = True, garbage: bool = False) -> None:
        """Get ready.

        Args:
            folder: Empty, and of this storm alone.
            seed: Of all that is drawn: moments, ways to kill, what people do, what tasks bring.
            people: Whether anybody else touches the repository.
            garbage: Whether `git gc --prune=now` runs in a loop.
        """
        self.site = Site.new(folder)
        self.chance = Random(seed)  # noqa: S311 (moments, not secrets)
        self.tally = Tally(seed)
        self.person = Person(self.site, self.chance, collects=garbage)
        self._people, self._garbage = people, garbage
        self._number = 0
        self._seen: set[str] = set()
        # Not forked from here: after tests with servers this process has threads, whose locks a fork would take along.
        self._start = multiprocessing.get_context("forkserver")
        self._start.set_forkserver_preload([integrator.__name__])

    def rage(self, kills: int, *, seconds: float = float("inf")) -> Tally:
        """Kill so often, then let it come to its end and look at everything."""
        began = time.monotonic()
        failures: list[str] = []
        with garbage_collected(self.person, failures) if self._garbage else nullcontext():
            try:
                while self.tally.kills < kills and time.monotonic() - began < seconds:
                    self._one_kill()
                self.come_to_the_end()
            except GitFailed as problem:  # a branch points to nothing, say: no more can be looked at
                self.tally.note("damage", problem)
        for failure in failures:
            self.tally.note("damage", f"a person's git gc failed: {failure}")
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _one_kill(self) -> None:
        if len(self.site.waiting()) <= WAVE // 2:
            self.hand_in(WAVE)
        process = self.start()
        for _ in range(self.chance.randrange(3) if self._people else 0):
            time.sleep(self.chance.uniform(0.0, 0.25))
            self.person.acts()()
        process.join(self.chance.uniform(0.0, 0.9))
        if process.exitcode not in (None, 0):
            self.tally.note("damage", f"the integrator ended with {process.exitcode} before it was killed")
        kill(process, with_children=self.chance.random() < 1 / 2)
        self.tally.kills += 1
        self.look()

    def start(self, failpoints: Failpoints | None = None) -> BaseProcess:
        """An integrator in a process of its own."""
        process = self._start.Process(target=integrator.work, args=(str(self.site.folder), failpoints))
        process.start()
        return process

    def hand_in(self, tasks: int) -> None:
        """More work: single tasks, stacks, now and then one that is bad."""
        with self.person.hand:
            self._hand_in(tasks)

    def _hand_in(self, tasks: int) -> None:
        orders = self.site.orders()
        for _ in range(tasks):
            self._number += 1
            task = f"T{self._number}"
            below = self.chance.choice(orders[-5:]) if orders and self.chance.random() < 0.15 else None
            bad = self.chance.random() < 0.05
            start = below.tip if below else self.site.base
            log = self.site.history.files(start)[LOG]
            files = {f"{'bad' if bad else 'file'}-{task}": f"{task}\n", LOG: f"{log}{task}\n"}
            tip = self.site.history.commit(files, start, message=task)
            self.site.history.branch(f"feature/{FEATURE}/agent/command/{task}", tip)
            orders.append(Order(task, tip, (below.task,) if below else (), bad or bool(below and below.bad)))
        self.site.save("orders.json", [{name: getattr(order, name) for name in Order.__slots__} for order in orders])

    def come_to_the_end(self) -> None:
        """Nobody kills any more; started again where a git that outlived the last kill is still at work."""
        for _ in range(3):
            process = self.start()
            process.join(180)
            if process.exitcode == 0:
                break
            kill(process, with_children=True)
        else:
            self.tally.note("damage", f"it never came to its end: {process.exitcode}")
        self.look()
        for order in self.site.waiting():
            self.tally.note("lost", f"{order.task} has neither landed nor was anybody told")
        target = self.site.control.target
        if target.run("fsck", "--full", "--no-dangling", "--no-progress").status:
            self.tally.note("damage", target.run("fsck", "--full", "--no-dangling").stderr)
        for ref in self.site.control.store.refs("refs/plait/intent/"):
            self.tally.note("damage", f"an intent is left: {ref}")
        with self.person.hand:  # their `git gc` holds locks of its own while it runs
            for lock in self.site.control.common_dir.rglob("*.lock"):
                self.tally.note("damage", f"a lock is left: {lock}")
        tip = self.site.tip()
        inside = self._inside(tip) if tip else set()
        self.tally.landed = sum(order.tip in inside for order in self.site.orders())
        self.tally.pushes = len(self.person.accepted)

    def look(self) -> None:
        """Everything that must be so at any moment, with nobody at work."""
        for process in survivors(self.site.folder):
            self.tally.note("survivors", process)
        tip = self.site.tip()
        self._look_for_losses(tip)
        if tip is not None:
            self._look_at_states(tip)
            self._look_for_doubles(tip)
        told, orders = self.site.told(), {order.task: order for order in self.site.orders()}
        for task, kind in told.items():
            if not orders[task].bad:
                self.tally.note("innocents rejected", f"{task} as {kind}")
        self.person.known = tip

    def _inside(self, commit: str, *without: str) -> set[str]:
        return set(self.site.control.store.ask("rev-list", commit, *(f"^{other}" for other in without)).text.split())

    def _look_for_losses(self, tip: str | None) -> None:
        inside = self._inside(tip) if tip else set()
        if self.person.known is not None and self.person.known not in inside:
            self.tally.note("lost", f"the branch was at {self.person.known} and is at {tip}: nobody but plait moved it")
        for commit in self.person.accepted:
            if commit not in inside:
                self.tally.note("lost", f"{commit} was pushed and accepted, and is not in {tip}")

    def _look_at_states(self, tip: str) -> None:
        """Each state that the branch ever had was verified as it is, or is a person's, and holds whole batches."""
        orders = {order.tip: order.task for order in self.site.orders()}
        greens = self.site.greens()
        for state in self._states(tip):
            if state in self._seen:
                continue
            self._seen.add(state)
            text = self.site.control.store.ask("cat-file", "commit", state).text
            header, _, message = text.partition("\n\n")
            if message.startswith(AUTHOR):
                continue
            self.tally.batches += 1
            if header.split("\n")[0].removeprefix("tree ") not in greens:
                self.tally.note("unverified tips", state)
            before = self.site.control.store.ask("rev-parse", f"{state}^1").text
            brought = {orders[commit] for commit in self._inside(state, before) if commit in orders}
            named = [line.rpartition(" ")[2] for line in message.splitlines() if line.startswith("Batch-Branch: ")]
            # Somebody may set the branch back between what a batch is made of and where it is built: a branch then
            # brings what it stands on along, which had landed before and is not named.
            whole = {orders[commit] for tip in named for commit in self._inside(tip, before) if commit in orders}
            if "Batch-Id" not in read_trailers(text) or brought != whole:
                self.tally.note("half merged", f"{state} brought {sorted(brought)} and names {named}")

    def _states(self, tip: str) -> list[str]:
        """First parents, and what git itself wrote down of the branch while it lived."""
        listed = self.site.control.store.ask("rev-list", "--first-parent", tip, f"^{self.site.base}").text.split()
        try:
            noted = (self.site.control.common_dir / "logs" / "refs" / "heads" / TIP).read_text(encoding="utf-8")
        except FileNotFoundError:
            noted = ""
        logged = [line.split(" ")[1] for line in noted.splitlines()]
        return [
            *listed,
            *(state for state in logged if self.site.control.store.resolve(state) and state != self.site.base),
        ]

    def _look_for_doubles(self, tip: str) -> None:
        lines = Counter(self.site.history.files(tip)[LOG].split())
        merges = Counter(
            self.site.control.store.ask("log", "--format=%(trailers:key=Task-Id,valueonly)", tip).text.split()
        )
        for counted in (lines, merges):
            for name, times in counted.items():
                if times > 1:
                    self.tally.note("done twice", f"{name}, {times} times")
        inside = self._inside(tip)
        for order in self.site.orders():
            if lines[order.task] != int(order.tip in inside):
                facts = f"the history has it: {order.tip in inside}, the file {lines[order.task]} times"
                self.tally.note("lost", f"{order.task}: {facts}")
