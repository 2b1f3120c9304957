"""Which stages of `verify` a change can make red: those without paths, and those of whose paths one was changed."""

from collections.abc import Collection, Sequence

from plait.plans.language.verify_stages import Check
from plait.plans.paths import matches


def unaffected(
    checks: Sequence[Check], changed: Collection[str], *, setup_inputs: Sequence[str] = ()
) -> frozenset[int]:
    """The positions of the stages that need not run.

    Where one of the files changed that decide the set-up, such as a lock file, all of them have to.
    """
    if any(matches(path, setup_inputs) for path in changed):
        return frozenset()
    return frozenset(at for at, check in enumerate(checks) if not _is_affected(check, changed))


def _is_affected(check: Check, changed: Collection[str]) -> bool:
    paths = () if isinstance(check, str) else check.paths
    return not paths or any(matches(path, paths) for path in changed)
