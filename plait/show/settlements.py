"""Conflicts that cost no agent, and those that a rule of the plan would have settled."""

from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.wording import listed

SETTLED_COLUMNS = ("batch", "task", "file", "settled by")


def settled_rows(outcome: FeatureOutcome) -> list[tuple[str, ...]]:
    """Batch, task, file and what settled it, of all that landed."""
    return [(batch.id, file.task, file.path, file.by) for batch in outcome.batches for file in batch.settled]


def proposal(outcome: FeatureOutcome) -> list[str]:
    """A sentence where branches were handed back for conflicts that presets are for; not escaped."""
    conflicts = [no for batch in outcome.batches for no in batch.rejected if no.presets]
    if not conflicts:
        return []
    files = listed(dict.fromkeys(path for no in conflicts for path in no.files))
    tasks = listed(dict.fromkeys(no.task for no in conflicts))
    presets = ", ".join(dict.fromkeys(name for no in conflicts for name in no.presets))
    return [
        f"{tasks} conflicted in nothing but {files}: `integration: {{merge: [{presets}]}}` in the plan settles that "
        "without an agent."
    ]
