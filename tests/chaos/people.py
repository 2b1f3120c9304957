"""The people of a storm: they push, rewind, delete and move branches, pack refs and collect garbage as they like."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from tests.chaos.processes import PERSON
from tests.chaos.site import LOG, TIP, Site

AUTHOR = "A Person"


@dataclass(slots=True)
class Person:
    """Somebody with a clone of their own, and what they were told was accepted."""

    site: Site
    chance: Random
    accepted: list[str] = field(default_factory=list)
    """Commits that they pushed, that were taken, and that nobody took away since."""
    known: str | None = None
    """A state of the feature branch that must still be in it."""
    number: int = 0
    collects: bool = False
    """Whether garbage is collected meanwhile: then what nobody else names is not deleted."""
    hand: threading.Lock = field(default_factory=threading.Lock)
    """They collect no garbage while they write themselves: plait alone has to live with that."""

    def acts(self) -> Callable[[], object]:
        """One thing that they might do now."""
        return self.chance.choice(
            (self.push, self.push, self.rewind, self.delete, self.delete_work, self.move_work, self.pack)
        )

    def push(self) -> bool:
        """A commit on the feature branch as it was a moment ago, by `git push`."""
        start = self.site.tip() or self.site.base
        self.number += 1
        log = f"{self.site.history.files(start)[LOG]}P{self.number}\n"
        with self.hand:
            commit = self.commit({f"person{self.number}": "1\n", LOG: log}, start)
            taken = self.git("push", "--quiet", str(self.site.clone), f"{commit}:refs/heads/{TIP}")
        if taken:
            self.accepted.append(commit)
        return taken

    def commit(self, files: dict[str, str], start: str) -> str:
        return self.site.history.commit(files, start, message=f"{AUTHOR} was here")

    def rewind(self) -> None:
        """The feature branch up to three states back, if it is still where they saw it."""
        tip = self.site.tip()
        if tip is None:
            return
        states = self.site.control.store.ask("rev-list", "--first-parent", tip, f"^{self.site.base}").text.split()
        back = self.chance.randrange(1, 4)
        if len(states) > back and self._compare_and_swap(tip, states[back]):
            self.forget(states[back])

    def delete(self) -> None:
        """The feature branch goes, one time in three: a storm that only begins says little."""
        tip = self.site.tip()
        if tip is not None and self.chance.random() < 1 / 3 and self._compare_and_swap(tip, ""):
            self.forget(None)

    def delete_work(self) -> None:
        """The branch of a task that has landed, or, when nothing collects garbage, of any."""
        names = self._work()
        tip = self.site.tip()
        if names:
            name = self.chance.choice(names)
            landed = tip and self.site.control.store.is_ancestor(self.site.control.target.resolve(name) or "", tip)
            if landed or not self.collects:
                self.site.control.target.delete_ref(name)

    def move_work(self) -> None:
        """The branch of a task goes on: what was handed in is what lands."""
        names = self._work()
        if names:
            name = self.chance.choice(names)
            there = self.site.control.target.resolve(name)
            assert there is not None
            with self.hand:
                self.site.control.target.set_ref(name, self.commit({"later": name}, there), reason="person")

    def pack(self) -> None:
        self.git("-C", str(self.site.clone), "pack-refs", "--all", "--prune")

    def forget(self, tip: str | None) -> None:
        """What is no longer in the branch because somebody wished so is not lost."""
        self.known = tip
        store = self.site.control.store
        self.accepted = [commit for commit in self.accepted if tip and store.is_ancestor(commit, tip)]

    def git(self, *arguments: str) -> bool:
        """git as a person runs it, from the clone that also plait works on."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.site.clone,
            env={**os.environ, PERSON: "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _work(self) -> list[str]:
        return sorted(self.site.control.target.refs("refs/heads/feature/storm/agent/"))

    def _compare_and_swap(self, old: str, new: str) -> bool:
        zero = "0" * len(old)
        return self.git("update-ref", "-m", "person", f"refs/heads/{TIP}", new or zero, old)


@contextmanager
def garbage_collected(person: Person, failures: list[str]) -> Iterator[None]:
    """`git gc --prune=now` again and again until it is over; each one that fails is noted."""
    over = threading.Event()

    def collect() -> None:
        while not over.wait(0.05):
            with person.hand:
                done = subprocess.run(
                    ["git", "gc", "--quiet", "--prune=now"],
                    cwd=person.site.clone,
                    env={**os.environ, PERSON: "1"},
                    capture_output=True,
                    text=True,
                    check=False,
                )
            if done.returncode:
                failures.append(done.stderr.strip())

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
