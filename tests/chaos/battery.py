"""Lets each step of a landing fail in each way, once, and looks at what must be so after the next run."""

import errno
import time
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.failpoints import Failpoints
from tests.chaos.integrator import GAVE_UP
from tests.chaos.processes import kill
from tests.chaos.storm import Storm
from tests.chaos.tally import Tally

TASKS = 3
KILLED = -9
WRITING = (
    "commit-tree",
    "merge-tree",
    "mktag",
    "update-ref",
    "read-tree",
    "write-tree",
    "checkout-index",
    "hash-object",
)
"""Commands that may change the disk, and of which it is tried where."""


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens at which step."""

    step: str
    how: str
    error: int = 0
    at: int = 0

    def __str__(self) -> str:
        what = {0: "", -1: "git is killed"}.get(self.error, errno.errorcode.get(self.error, ""))
        return " ".join(part for part in (self.step, self.how, what, f"call {self.at}" if self.at else "") if part)


class Battery:
    """One repository that is struck again and again."""

    def __init__(self, folder: Path, *, seed: int = 0) -> None:
        self.storm = Storm(folder / "site", seed=seed, people=False)
        self.points = Failpoints.new(folder / "git")
        self.struck: list[Strike] = []

    @property
    def tally(self) -> Tally:
        return self.storm.tally

    def steps(self) -> tuple[str, ...]:
        """The steps of a run that nothing happens to: all that plait does to a repository, each once, in order."""
        self.points.record()
        self.storm.hand_in(TASKS)
        self.storm.start(self.points).join(120)
        self.storm.look()
        return self.points.recorded()

    def strike(self, strike: Strike) -> bool:
        """Let it happen while a batch lands, run again, and look; whether it came to that."""
        before = len(self.tally.wrong)
        self.storm.hand_in(TASKS)
        self.points.arm(strike.step, strike.how, error=strike.error, at=strike.at)
        process = self.storm.start(self.points)
        if strike.how == "delay":
            while process.is_alive() and not self.points.fired:
                time.sleep(0.01)
            self.storm.person.push()
        process.join(120)
        happened = self.points.disarm()
        if process.exitcode not in (0, GAVE_UP, KILLED):
            self.tally.note("damage", f"the integrator ended with {process.exitcode}")
            kill(process, with_children=True)
        self.storm.look()
        self.storm.come_to_the_end()
        for place in range(before, len(self.tally.wrong)):
            what, facts = self.tally.wrong[place]
            self.tally.wrong[place] = what, f"{strike}: {facts}"
        if happened:
            self.struck.append(strike)
            self.tally.kills += process.exitcode == KILLED
        return happened
