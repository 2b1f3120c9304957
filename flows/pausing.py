"""Pauses features and lets them go on, from another terminal: a wish that is kept beside the repository."""

from pathlib import Path

from plait.flows.runs import KnownRun, find_run
from plait.workspace.control import Control, open_control
from plait.workspace.environment import user_name
from plait.workspace.home import plait_home
from plait.workspace.pause_wishes import ask_to_pause, ask_to_resume


def pause(wanted: str | None) -> str:
    """Have a feature paused, and say in a sentence what comes of it.

    Args:
        wanted: A feature or a run; the live or newest run when absent.

    Raises:
        CallError: no such run, or its repository is not there any more.
    """
    run, control = _found(wanted)
    is_new = ask_to_pause(control, run.feature, by=user_name())
    then = "what runs finishes, and nothing new starts" if run.alive else "the next run of it starts nothing"
    return f"{run.feature} {'is paused' if is_new else 'was paused already'}: {then} until `plait resume {run.feature}`"


def resume(wanted: str | None) -> str:
    """Let a feature go on, and say in a sentence what comes of it.

    Raises:
        CallError: no such run, or its repository is not there any more.
    """
    run, control = _found(wanted)
    if not ask_to_resume(control, run.feature):
        return f"{run.feature} was not paused"
    return f"{run.feature} goes on{'' if run.alive else ' when the plan is run again'}"


def _found(wanted: str | None) -> tuple[KnownRun, Control]:
    home = plait_home()
    run = find_run(home, wanted)
    return run, open_control(Path(run.repository), home=home)
