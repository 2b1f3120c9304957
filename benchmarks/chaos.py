"""Kills the integrator at random moments while people push, rewind and delete: `python -m benchmarks.chaos KILLS`.

`make chaos N=KILLS`. A seed repeats what is drawn (moments, people, tasks), not how the machine schedules it.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from secrets import randbelow

from tests.chaos.storm import Storm
from tests.chaos.whole_run import WholeStorm


def main() -> int:
    """Rage, and say what must all be 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--calm", action="store_true", help="nobody but plait touches the repository")
    parser.add_argument("--gc", action="store_true", help="`git gc --prune=now` in a loop")
    parser.add_argument("--deletes", action="store_true", help="with --whole: agents' branches go once all has landed")
    parser.add_argument(
        "--whole", action="store_true", help="kill whole runs in place of the integrator, a dozen a minute"
    )
    wanted = parser.parse_args()
    seed = randbelow(1_000_000) if wanted.seed is None else wanted.seed
    folder = Path(tempfile.mkdtemp(prefix="plait-storm-"))
    storm = (
        WholeStorm(folder, seed=seed, people=not wanted.calm, deletes=wanted.deletes)
        if wanted.whole
        else Storm(folder / "site", seed=seed, people=not wanted.calm, garbage=wanted.gc)
    )
    tally = storm.rage(wanted.kills)
    print(tally)
    for what, facts in tally.wrong:
        print(f"  {what}: {facts}")
    print(f"  the repository is kept: {folder}" if tally.wrong else "  nothing was wrong")
    return 1 if tally.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
