"""Kills whole runs at random moments, server, agents and all, and counts what must never be."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.chaos.processes import PERSON, kill_family, survivors
from tests.chaos.tally import Tally
from tests.support.command import Running
from tests.support.repositories import commit_on_branch, files_of, git, make_repository

TASKS = {"A": (), "B": (), "C": ("A",), "D": ("A", "B"), "E": (), "F": ("C", "D")}
"""With what each needs."""


class WholeStorm:
    """One repository, one run after another; each feature is run until it is completed."""

    def __init__(self, folder: Path, *, seed: int, people: bool = True, deletes: bool = False) -> None:
        """Get ready.

        Args:
            folder: Empty, and of this storm alone.
            seed: Of the moments, the ways to kill and what people do.
            people: Whether somebody pushes to the feature branch meanwhile.
            deletes: Whether the branches of agents go once all has landed, and the plan is run again: nothing is done.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.clone = make_repository(folder / "clone", {"README": "read me\n"})
        self.chance = Random(seed)  # noqa: S311 (moments, not secrets)
        self.tally = Tally(seed)
        self._people, self._deletes = people, deletes
        self._length = 60.0
        """Seconds of the shortest run that nobody killed, known after the first."""
        self._number = 0
        self._feature = "storm1"
        self._features = 1
        self._pushed: list[str] = []

    @property
    def _tip(self) -> str:
        return f"feature/{self._feature}/integration"

    def rage(self, kills: int, *, seconds: float = float("inf")) -> Tally:
        """Kill so often, then let the last feature come to its end."""
        began = time.monotonic()
        self._to_the_end()
        while self.tally.kills < kills and time.monotonic() - began < seconds:
            if self._run(for_seconds=self.chance.uniform(0.05, 0.9) * self._length):
                self._next_feature()
        self._to_the_end()
        self.tally.seconds = time.monotonic() - began
        return self.tally

    def _to_the_end(self) -> None:
        if not self._run(for_seconds=240.0):
            self.tally.note("damage", f"{self._feature} never came to its end")
        self._next_feature()

    def _next_feature(self) -> None:
        self.tally.landed += len(TASKS)
        if self._deletes:
            self._delete_work()
        self._features += 1
        self._feature, self._pushed = f"storm{self._features}", []

    def _delete_work(self) -> None:
        """What has landed is known from the feature branch alone."""
        listed = git(
            self.clone, "for-each-ref", "--format=%(refname:short)", f"refs/heads/feature/{self._feature}/agent/"
        )
        git(self.clone, "branch", "--quiet", "-D", *listed.split())
        before = self._executions()
        self._run(for_seconds=240.0)
        if self._executions() != before:
            self.tally.note("done twice", f"{self._feature}, after the branches of its agents were deleted")

    def _run(self, *, for_seconds: float) -> bool:
        """Run the feature for so long at most; whether it came to its end before."""
        finished = self._finished()
        counts = self._executions()
        started = time.monotonic()
        until = started + for_seconds
        running = Running("run", str(self._plan()), "--json", cwd=self.clone, env={"PLAIT_HOME": f"{self.folder}/home"})
        while running.process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
            if self._people and self.chance.random() < 0.01:
                self._push()
        ended = running.process.poll() is not None
        if ended:
            self._length = min(self._length, time.monotonic() - started)
        else:
            kill_family(running.process.pid, with_children=self.chance.random() < 1 / 2)
            self.tally.kills += 1
        said, told = running.process.communicate()
        again = self._executions()
        for task in finished:
            if again[task] != counts[task]:
                self.tally.note("done twice", f"{task} of {self._feature} was finished and is done again")
        self._look(completed=ended)
        if ended and running.process.returncode != 0:
            self.tally.note(
                "damage", f"{self._feature} ended with {running.process.returncode}: {told[-500:]}{said[-1500:]}"
            )
        return ended

    def _plan(self) -> Path:
        steps = "echo {0}-{1} >> {2}/executions\nsleep 0.{3}\necho x >> file-{1}"
        tasks = [
            {
                "id": task,
                "needs": list(needs),
                "run": steps.format(self._feature, task, self.folder, self.chance.randrange(9)),
            }
            for task, needs in TASKS.items()
        ]
        greens = f"git rev-parse 'HEAD^{{tree}}' >> {self.folder}/greens"
        plan = {"feature": self._feature, "goal": "Hold.", "tasks": tasks, "integration": {"verify": [greens]}}
        path = self.folder / f"{self._feature}.yaml"
        if not path.exists():  # another pause would be another task
            path.write_text(json.dumps(plan), encoding="utf-8")
        return path

    def _push(self) -> None:
        """A person's commit on the feature branch, where there is one."""
        tip = git(self.clone, "for-each-ref", "--format=%(objectname)", f"refs/heads/{self._tip}")
        if not tip:
            return
        self._number += 1
        name = f"person-{self._number}"
        commit = commit_on_branch(self.clone, name, {name: "x\n"}, start=tip)
        os.environ[PERSON] = "1"
        said = git(self.clone, "push", "--porcelain", ".", f"{commit}:refs/heads/{self._tip}", check=False)
        del os.environ[PERSON]
        if said.endswith("Done") and "\n!" not in said:
            self._pushed.append(commit)
            self.tally.pushes += 1

    def _finished(self) -> set[str]:
        """Tasks whose work is on a branch, or has landed with it."""
        listed = git(self.clone, "for-each-ref", "--format=%(refname)", f"refs/heads/feature/{self._feature}/agent/")
        return {name.rpartition("/")[2] for name in listed.split()} & TASKS.keys()

    def _executions(self) -> Counter[str]:
        try:
            lines = (self.folder / "executions").read_text(encoding="utf-8").split()
        except FileNotFoundError:
            lines = []
        mine = (line.partition("-") for line in lines)
        return Counter(task for feature, _, task in mine if feature == self._feature)

    def _look(self, *, completed: bool) -> None:
        for process in survivors(self.folder):
            self.tally.note("survivors", process)
        tip = git(self.clone, "for-each-ref", "--format=%(objectname)", f"refs/heads/{self._tip}")
        if not tip:
            if completed:
                self.tally.note("lost", f"{self._feature} is completed, and has no branch")
            return
        inside = set(git(self.clone, "rev-list", tip).split())
        for commit in self._pushed:
            if commit not in inside:
                self.tally.note("lost", f"{commit} was pushed and accepted")
        files = files_of(self.clone, tip)
        lines = {task: len(files.get(f"file-{task}", "").split()) for task in TASKS}
        merges = Counter(git(self.clone, "log", "--format=%(trailers:key=Task-Id,valueonly)", tip).split())
        for task in TASKS:
            if lines[task] > 1 or merges[task] > 1:
                self.tally.note("done twice", f"{task}: {lines[task]} lines, {merges[task]} merges")
            if completed and lines[task] == 0:
                self.tally.note("lost", f"{task} of {self._feature}")
        self._look_at_states(tip)

    def _look_at_states(self, tip: str) -> None:
        try:
            greens = set((self.folder / "greens").read_text(encoding="utf-8").split())
        except FileNotFoundError:
            greens = set()
        self.tally.batches = 0
        for state in git(self.clone, "log", "--first-parent", "--format=%H %T %an", tip, "^main").splitlines():
            commit, tree, author = state.split(" ", 2)
            if author == "plait":
                self.tally.batches += 1
            if author == "plait" and tree not in greens:
                self.tally.note("unverified tips", commit)
        git(self.clone, "fsck", "--no-dangling", "--no-progress")
