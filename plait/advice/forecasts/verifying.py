"""How long it takes until what is finished has been verified and has landed, as earlier batches tell it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

_LATE = 0.5
"""Of one more verification, how much is left on average while a batch takes longer than one: it is searching."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch that is over."""

    seconds: float
    """From its start to its end: merging, verifying, landing."""
    verifications: int
    """Those that ran; what was answered from memory does not count."""


def verification_lengths(batches: Iterable[Verified]) -> tuple[float, ...]:
    """What one verification took in each batch that had any, in seconds; of searches only where there is nothing else.

    A search runs several at once, so its mean says too little.
    """
    ran = [batch for batch in batches if batch.verifications > 0 and batch.seconds > 0]
    single = [batch for batch in ran if batch.verifications == 1]
    return tuple(batch.seconds / batch.verifications for batch in single or ran)


def usual_verification(lengths: Sequence[float]) -> float | None:
    """The median in seconds; nothing where none is known."""
    return median(lengths) if lengths else None


@dataclass(frozen=True, slots=True)
class Landing:
    """What verification is still to come in a run."""

    lengths: tuple[float, ...]
    """What verifications took, in seconds: at least one."""
    running: float | None = None
    """Seconds that the batch in work has taken so far."""
    more: bool = True
    """Whether another one comes after it, and after the last task."""

    def end(self, last: float, *, now: float, random: Random) -> float:
        """When the run is over if its last task ends at `last`, with lengths drawn from those that are known."""
        end = max(last, now)
        if self.running is not None:
            end = max(end, now + _left(random.choice(self.lengths), self.running))
        return end + random.choice(self.lengths) if self.more else end


def _left(length: float, gone: float) -> float:
    return length - gone if gone < length else _LATE * length
