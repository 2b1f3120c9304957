"""The slots that runs share: on a server Prefect's limits, beside an embedded one files that the kernel frees."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from plait.workspace.role_slots import FileSlots, SlotSource

EMBEDDED = "PLAIT_EMBEDDED"
"""Set for the length of a run whose Prefect server dies with it."""


def is_embedded() -> bool:
    """Whether this process has a Prefect server of its own, which ends with it."""
    return bool(os.environ.get(EMBEDDED))


def shared_slots(roles: Mapping[str, int], *, home: Path, tell: Callable[[str], None]) -> SlotSource:
    """Where this run takes its slots from (SEMANTICS, Role limits across runs).

    Args:
        roles: Slots by role, as the crew has them.
        tell: Told in a sentence where the server allows fewer.

    Raises:
        EnvironmentProblem: the server does not answer.
    """
    if is_embedded():
        return FileSlots(home / "slots", dict(roles))
    from plait.flows.servers.limits import LeaseSlots, ensure_limits, limit_name, tighter_limits

    ensure_limits(roles)
    for role, limit in tighter_limits(roles).items():
        tell(
            f"the server lets {limit} of {role} work at once, the crew has {roles[role]}: "
            f"the limit is {limit_name(role)}, on its page under Concurrency"
        )
    return LeaseSlots()
