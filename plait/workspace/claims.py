"""What a piece of work may hold: how a nested repository or an ignored file is read hangs on it."""

from dataclasses import dataclass

from plait.plans.paths import matches


@dataclass(frozen=True, slots=True)
class Claims:
    """The patterns of one piece of work."""

    owns: tuple[str, ...] | None = None
    """What it may change; nothing: all that is not protected."""
    promised: tuple[str, ...] = ()
    """What it is to leave."""

    @property
    def patterns(self) -> tuple[str, ...]:
        """All that is written out."""
        return tuple(dict.fromkeys((*(self.owns or ()), *self.promised)))

    def name(self, path: str) -> bool:
        """Whether a pattern that is written out means this path."""
        return matches(path, self.patterns)


ANYTHING = Claims()
EVERYTHING = Claims(owns=("**",))
"""Of which nothing is left out that can be kept."""
