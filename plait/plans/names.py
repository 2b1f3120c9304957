"""What names may look like, and the branch names that are made of them: our own ASCII rule, stricter than git's.

Branches of others are called as these others like, within what git takes (`foreign_problem`, `base_problem`).

`git check-ref-format` accepts shell metacharacters, 40 hex digits and right-to-left marks, and with `--branch` turns
`@{-1}` into another branch's name: so what it says is not enough.
"""

import re

from plait.plans.wording import quoted

SLUG_LENGTH = 64
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[1-9][0-9]{0,4})?")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{40}([0-9a-fA-F]{24})?")
_REFNAME_LENGTH = 200
_STEPS = re.compile(r"(?<=.)(~[0-9]{0,5}|\^[0-9]{0,2})+\Z")
"""From a commit to those before it, as git writes it: `~2`, `^`."""
_SYNTAX = re.compile(r"[ ~^:?*\[\\]")
_OURS = re.compile(r"feature/[^/]+/(integration\Z|agent/|salvage/)")
_SPECIAL = frozenset(
    ("@", "HEAD", "FETCH_HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_HEAD", "stash")
)


def check_slug(text: str) -> str:
    """The text itself when it can name a feature, a task or a role; else ValueError with the rule that it breaks."""
    if not text:
        raise ValueError("is empty")
    if len(text) > SLUG_LENGTH:
        raise ValueError(f"{quoted(text)} has {len(text)} characters; at most {SLUG_LENGTH}")
    if not _SLUG.fullmatch(text):
        raise ValueError(
            f"{quoted(text)} is not a name: only the letters a-z and A-Z, digits, - and _, and first a letter or digit"
        )
    if _OBJECT_ID.fullmatch(text):
        raise ValueError(f"{quoted(text)} looks like a git object id")
    return text


def integration_branch(feature: str) -> str:
    """`feature/<feature>/integration`: git cannot hold `feature/x` beside `feature/x/...`."""
    return f"feature/{check_slug(feature)}/integration"


def base_ref(feature: str) -> str:
    """Where plait's control repository keeps the commit that a feature starts from."""
    return f"refs/plait/base/{check_slug(feature)}"


def fresh_ref(feature: str) -> str:
    """Where the target keeps the commit of base that a feature was begun anew from: what landed before is void."""
    return f"refs/plait/fresh/{check_slug(feature)}"


def agent_branch(feature: str, role: str, task: str) -> str:
    """`feature/<feature>/agent/<role>/<task>`; the task may be one of a count, such as `TASK-001.2`."""
    return f"feature/{check_slug(feature)}/agent/{check_slug(role)}/{_check_instance(task)}"


def salvage_branch(feature: str, role: str, task: str, number: int) -> str:
    """`feature/<feature>/salvage/<role>/<task>/<number>`: what a failed try left behind."""
    return f"feature/{check_slug(feature)}/salvage/{check_slug(role)}/{_check_instance(task)}/{number:d}"


def checkpoint_ref(feature: str, task: str) -> str:
    """Where plait's control repository keeps the last state of a task's work before it is finished."""
    return f"refs/plait/checkpoint/{check_slug(feature)}/{_check_instance(task)}"


def candidate_ref(feature: str, task: str) -> str:
    """Where the target keeps the work of one of several agents that do the same task, until one of them is chosen."""
    return f"refs/plait/candidate/{check_slug(feature)}/{_check_instance(task)}"


def is_made_by_plait(branch: str) -> bool:
    """Whether a branch has a name as the ones above: plait made it, or a person who wanted it to look so."""
    return _OURS.match(branch) is not None


def is_work_of(feature: str, branch: str) -> bool:
    """Whether a branch is what a task of a feature made: an agent's branch, or what a failed try left."""
    return branch.startswith((f"feature/{feature}/agent/", f"feature/{feature}/salvage/"))


def _check_instance(text: str) -> str:
    if not _INSTANCE.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not the id of a task")
    return text


def base_problem(text: str) -> str | None:
    """Why what a user wants to start from is refused, as a sentence's end; None where git can be asked for it.

    Example: `main`, `origin/main`, `refs/tags/v1`, `v1`, `3f2a9c1`, `HEAD` and `main~2` are fine, `a..b` and `@{-1}`
    are not.
    """
    name = stem_of(text)
    if name == "HEAD" or _OBJECT_ID.fullmatch(name):
        return None
    return foreign_problem(name)


def stem_of(base: str) -> str:
    """The name in a base: `main` of `main~2`. With nothing behind it, the base moves on with what the name is of."""
    return _STEPS.sub("", base)


def foreign_problem(text: str) -> str | None:
    """Why the name of somebody's branch is refused: they have chosen it, so all that git takes and one can see is fine.

    A full ref is, too. Example: `größe/§3(a)` names a branch; `a~1`, `@{-1}` and `-x` would be read as something else.
    """
    name = text.removeprefix("refs/")
    if problem := _refused_of_all(name):
        return problem
    if not name.isprintable() or _SYNTAX.search(name):
        return f"{quoted(text)} has a blank, a character that cannot be seen, or one of ~ ^ : ? * [ \\"
    if problem := _range_problem(name):
        return problem
    if name.endswith(".") or any(
        not part or part.startswith(".") or part.endswith(".lock") for part in name.split("/")
    ):
        return f"{quoted(text)} ends with ., or has a part that is empty, begins with . or ends with .lock"
    return None


def _refused_of_all(text: str) -> str | None:
    if not text:
        return "is empty"
    if len(text) > _REFNAME_LENGTH:
        return f"has {len(text)} characters; at most {_REFNAME_LENGTH}"
    if text in _SPECIAL:
        return _means_more(text)
    if text.startswith("-"):
        return f"{quoted(text)} would be read as an option"
    if _OBJECT_ID.fullmatch(text):
        return f"{quoted(text)} looks like a git object id: give a branch's name"
    return None


def _means_more(text: str) -> str:
    return f"{quoted(text)} means something else to git: give a branch's plain name, such as main"


def _range_problem(text: str) -> str | None:
    return f"{quoted(text)} would be read as a range or a revision" if ".." in text or "@{" in text else None
