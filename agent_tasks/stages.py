"""How long each stage of one step of work took: for the journal, which reviews replay under other settings."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stages:
    """Seconds by stage, such as `setup`, `work`, `check`; a stage that comes again adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """What the block takes belongs to this stage, however it ends."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.add(stage, time.monotonic() - began)

    def add(self, stage: str, seconds: float) -> None:
        """So much of a stage was measured elsewhere."""
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + max(0.0, seconds), 3)
