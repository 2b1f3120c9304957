"""What is counted in a storm, and what of it must be 0."""

from collections import Counter
from dataclasses import dataclass, field

COUNTED = ("lost", "half merged", "unverified tips", "survivors", "done twice", "innocents rejected", "damage")


@dataclass(slots=True)
class Tally:
    """What happened, and each thing that must never have."""

    seed: int
    kills: int = 0
    batches: int = 0
    """States of the branch that plait made, those that people took away included."""
    landed: int = 0
    """Tasks in the branch at the end."""
    pushes: int = 0
    """Commits of people in the branch at the end."""
    wrong: list[tuple[str, str]] = field(default_factory=list)
    """What of `COUNTED`, and the facts."""
    seconds: float = 0.0

    def note(self, what: str, facts: object) -> None:
        if (what, str(facts)) not in self.wrong:
            self.wrong.append((what, str(facts)))

    def __str__(self) -> str:
        counts = Counter(what for what, _ in self.wrong)
        done = f"{self.kills} kills, {self.batches} batches, {self.landed} tasks landed, {self.pushes} pushes"
        told = ", ".join(f"{counts[what]} {what}" for what in COUNTED)
        return f"{done}, {self.seconds:.0f} s: {told} (seed {self.seed})"
