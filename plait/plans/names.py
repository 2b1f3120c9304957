"""What names may look like, and the branch names that are made of them: our own ASCII rule, stricter than git's.

`git check-ref-format` accepts shell metacharacters, 40 hex digits and right-to-left marks, and with `--branch` turns
`@{-1}` into another branch's name: so what it says is not enough.
"""

import re

from plait.plans.wording import quoted

SLUG_LENGTH = 64
_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\.[1-9][0-9]{0,4})?")
_OBJECT_ID = re.compile(r"[0-9a-fA-F]{40}([0-9a-fA-F]{24})?")
_REFNAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/#+=@,-]*")
_REFNAME_LENGTH = 200
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


def refname_problem(text: str) -> str | None:
    """Why a branch name that a user gave is refused, as a sentence's end; None when it is fine."""
    if not text:
        return "is empty"
    if len(text) > _REFNAME_LENGTH:
        return f"has {len(text)} characters; at most {_REFNAME_LENGTH}"
    if text in _SPECIAL or text.startswith("refs/"):
        return f"{quoted(text)} means something else to git: give a branch's plain name, such as main"
    if text.startswith("-"):
        return f"{quoted(text)} would be read as an option"
    if _OBJECT_ID.fullmatch(text):
        return f"{quoted(text)} looks like a git object id: give a branch's name"
    return _pattern_problem(text)


def foreign_problem(text: str) -> str | None:
    """Why the name of somebody's branch is refused: as `refname_problem`, but a full ref is fine."""
    return refname_problem(text.removeprefix("refs/"))


def _pattern_problem(text: str) -> str | None:
    if not _REFNAME.fullmatch(text):
        return f"{quoted(text)} has characters that a branch name may not have (letters, digits and . _ / # + = @ , -)"
    if ".." in text or "@{" in text:
        return f"{quoted(text)} would be read as a range or a revision"
    for part in text.split("/"):
        if not part or part.startswith((".", "-")) or part.endswith("."):
            return f"{quoted(text)} has a part that is empty, or begins with . or -, or ends with ."
        if part.casefold().endswith(".lock"):
            return f"{quoted(text)} has a part that ends with .lock"
    return None
