"""A repair may leave the merge as it was handed out, where nothing in that asks for a decision by its markers."""

from dataclasses import replace
from pathlib import Path

import pytest

from plait.agent_tasks.errors import SetUpFailed, TryFailed
from plait.agent_tasks.implement import implement
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import Candidate, RepairOrder
from plait.workspace.git import GitRepository
from tests.agent_tasks.batches import TIP, batch_of
from tests.flows.opened import opened, order_of
from tests.support.repositories import files_of, git
from tests.workspace.histories import History, Side

LINES = "".join(f"line {number}\n" for number in range(20))
PLAN = """
    feature: shop
    goal: Sell things.
    crew: {{default_backend: command, backend: {{command: [/bin/sh, -c, "cat > $OUT/prompt; {work}"]}}}}
    tasks:
      - {{id: A, role: backend, prompt: Do it., owns: [own.txt, f, gb, 'old/**']}}
"""
SUBMODULES = ("1" * 40, "2" * 40, "3" * 40)

UNMARKED: dict[str, tuple[Side, Side, Side, set[str], str]] = {
    "modified here, deleted there": (
        {"f": LINES},
        {"f": None},
        {"f": LINES + "x\n"},
        {"f"},
        "f (modify/delete): as A has it",
    ),
    "deleted here, modified there": (
        {"f": LINES},
        {"f": LINES + "x\n"},
        {"f": None},
        {"f"},
        "f (modify/delete): as B has it",
    ),
    "renamed to two names": (
        {"f": LINES},
        {"f": None, "ga": LINES},
        {"f": None, "gb": LINES},
        {"ga", "gb"},
        "f (rename/rename): not there",
    ),
    "renamed and deleted": (
        {"f": LINES},
        {"f": None, "g": LINES},
        {"f": None},
        {"g"},
        "g (rename/delete): as B has it",
    ),
    "a file in a directory that was renamed": (
        {f"old/{n}": LINES + str(n) for n in range(4)},
        {**{f"old/{n}": None for n in range(4)}, **{f"new/{n}": LINES + str(n) for n in range(4)}},
        {"old/added": "x\n"},
        {"new/0", "new/1", "new/2", "new/3", "new/added"},
        "new/added (directory rename suggested): as A has it",
    ),
    "a file in a directory's way": (
        {"f": "1\n"},
        {"f": None, "f/x": "quite another thing\n"},
        {"f": "2\n"},
        {"f/x", "f~A"},
        "f~A (file/directory, modify/delete): as A has it",
    ),
    "binary": (
        {"f": b"\0" + b"1"},
        {"f": b"\0" + b"2"},
        {"f": b"\0" + b"3"},
        {"f"},
        "f (binary, contents): as B has it",
    ),
    "modes": ({}, {"f": ("100755", "x\n")}, {"f": "x\n"}, {"f"}, "f (contents): as B has it"),
    "links": (
        {"f": ("120000", "a")},
        {"f": ("120000", "b")},
        {"f": ("120000", "c")},
        {"f"},
        "f (contents): as B has it",
    ),
    "a link and a file": (
        {},
        {"f": ("120000", "b")},
        {"f": "text\n"},
        {"f", "f~A"},
        "f~A (distinct modes): as A has it",
    ),
    "submodules": (
        {"f": ("160000", SUBMODULES[0])},
        {"f": ("160000", SUBMODULES[1])},
        {"f": ("160000", SUBMODULES[2])},
        set(),
        "f (submodule not initialized, contents): as B has it",
    ),
}


def conflict_in(repository: Path, base: Side, ours: Side, theirs: Side) -> RepairOrder:
    """An order for the branch of A, which conflicts with what has landed of B."""
    history = History(GitRepository(repository / ".git"))
    start = history.commit({"own.txt": "1\n", **base}, git(repository, "rev-parse", "main"))
    git(repository, "update-ref", "refs/heads/main", start)
    onto, rejected = history.commit(ours, start), history.commit({"own.txt": "2\n", **theirs}, start)
    git(repository, "branch", TIP, onto)
    return RepairOrder(1, "conflict", rejected, onto, "B", onto, files=("f",), reason="clash", commands=())


def repaired(repository: Path, repair: RepairOrder, *, work: str, setup: str = "") -> tuple[str, str, BatchState]:
    """The prompt, the commit, and what a batch makes of it."""
    out = repository.parent / "out"
    out.mkdir()
    plan = PLAN.format(work=work).replace("$OUT", str(out)).replace("crew: {", f"crew: {{{setup}{', ' * bool(setup)}")
    with opened(plan, repository) as session:
        order = order_of(session, "A", start=repair.rejected, expected=repair.rejected, repair=repair)
        git(repository, "branch", order.branch, repair.rejected)
        try:
            commit = implement.fn(order, session.shop.facts).commit
        finally:
            prompt = (out / "prompt").read_text()
        assert commit
        candidate = Candidate("A", commit, (), owns=("own.txt", "f", "gb", "old/**"))
        return prompt, commit, batch_of(session, candidate).outcome.state


@pytest.mark.parametrize(("base", "ours", "theirs", "files", "told"), UNMARKED.values(), ids=UNMARKED.keys())
def test_a_conflict_without_markers_is_told_and_may_be_left_as_git_made_it(
    repository: Path,
    base: Side,
    ours: Side,
    theirs: Side,
    files: set[str],
    told: str,
) -> None:
    before = files_of(repository, "main").keys()
    repair = conflict_in(repository, base, ours, theirs)

    prompt, commit, state = repaired(repository, repair, work="true")

    assert told in prompt, prompt
    assert "change nothing, and it counts as done" in prompt
    assert "counts as not done" not in prompt
    assert state is BatchState.LANDED
    landed = git(repository, "ls-tree", "-r", "--name-only", TIP).split("\n")
    assert set(landed) - before == {"own.txt", *files, *(["f"] if "submodule" in told else [])}
    git(repository, "merge-base", "--is-ancestor", commit, TIP)


MARKERS = "<<<<<<< ours\n1\n=======\n2\n>>>>>>> theirs\n"
"""In a text about git."""


def test_markers_that_are_left_are_refused_also_beside_a_conflict_that_may_stay(repository: Path) -> None:
    repair = conflict_in(repository, {"f": "1\n", "gb": "1\n"}, {"f": "2\n", "gb": None}, {"f": "3\n", "gb": "2\n"})

    with pytest.raises(TryFailed, match=r"^conflict markers are left over in f$"):
        repaired(repository, repair, work="true")


def test_a_try_that_settles_the_markers_may_leave_the_rest(repository: Path) -> None:
    repair = conflict_in(repository, {"f": "1\n", "gb": "1\n"}, {"f": "2\n", "gb": None}, {"f": "3\n", "gb": "2\n"})

    prompt, _, state = repaired(repository, repair, work="echo both > f")

    assert "Resolve every conflict marker" in prompt
    assert "gb (modify/delete): as A has it" in prompt
    assert "Where what git made of one is right, leave that as it is." in prompt
    assert "counts as not done" in prompt
    assert state is BatchState.LANDED
    assert {**files_of(repository, TIP)}.items() >= {("f", "both"), ("gb", "2")}


def test_a_file_with_markers_is_left_over_also_where_a_side_has_the_same_lines(repository: Path) -> None:
    known = "<<<<<<< B\n||||||| common ancestor\n>>>>>>> A\n"
    repair = conflict_in(repository, {"f": f"1\n{known}"}, {"f": f"2\n{known}"}, {"f": f"3\n{known}"})

    with pytest.raises(TryFailed, match=r"^conflict markers are left over in f$"):
        repaired(repository, repair, work="true")


def test_a_text_about_markers_may_stay(repository: Path) -> None:
    repair = conflict_in(repository, {"f": MARKERS}, {"f": None}, {"f": f"{MARKERS}and more\n"})

    _, _, state = repaired(repository, repair, work="true")

    assert state is BatchState.LANDED
    assert files_of(repository, TIP)["f"] == f"{MARKERS}and more"


def test_names_that_are_one_file_on_some_machines_may_not_stay(repository: Path) -> None:
    git(repository, "config", "core.ignoreCase", "true")
    repair = conflict_in(repository, {}, {"gb": "1\n"}, {"GB": "2\n"})

    with pytest.raises(TryFailed, match=r"^GB and gb are one file on some machines"):
        repaired(repository, repair, work="true")


def test_what_goes_together_by_now_may_stay_and_what_was_red_may_not(repository: Path) -> None:
    repair = conflict_in(repository, {"f": "1\n"}, {"f": "2\n"}, {"f": "2\n"})

    prompt, _, state = repaired(repository, repair, work="true")

    assert "The two go together by now." in prompt
    assert state is BatchState.LANDED


@pytest.mark.parametrize("kind", ["fails-alone", "out-of-scope", "pair"])
def test_a_branch_that_was_rejected_for_what_it_does_may_not_stay(repository: Path, kind: str) -> None:
    repair = conflict_in(repository, {"f": "1\n"}, {"f": None}, {"f": "2\n"})

    with pytest.raises(TryFailed, match="changed nothing"):
        repaired(repository, replace(repair, kind=kind), work="true")


CLASH: tuple[Side, Side, Side] = ({"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"})


def test_a_set_up_that_fails_on_what_is_to_be_mended_keeps_no_agent_from_mending_it(repository: Path) -> None:
    repair = conflict_in(repository, *CLASH)
    setup = "setup: [\"echo made > deps; ! grep -e conflict-in -e '<<<<' f\"]"

    prompt, _, state = repaired(repository, repair, work="echo 4 > f; ls > $OUT/files", setup=setup)

    assert "## The set-up fails on these files" in prompt
    assert "echo made > deps; ! grep" in prompt
    assert "ended with exit status 1, also the second time" in prompt
    assert state is BatchState.LANDED
    assert git(repository, "show", f"{TIP}:f") == "4"
    assert "deps" in (repository.parent / "out/files").read_text().split()
    assert "deps" not in files_of(repository, TIP)


def test_a_set_up_that_works_nowhere_begins_no_repair(repository: Path) -> None:
    plan = PLAN.format(work="true").replace("crew: {", 'crew: {setup: ["false"], ')
    repair = conflict_in(repository, *CLASH)
    with opened(plan, repository) as session:
        for order in (
            order_of(session, "A"),
            order_of(session, "A", start=repair.rejected, expected=repair.rejected, repair=repair),
        ):
            with pytest.raises(SetUpFailed, match="also the second time"):
                implement.fn(order, session.shop.facts)


def test_what_the_set_up_makes_of_a_file_in_conflict_is_an_answer_to_it(repository: Path) -> None:
    """As `npm install` does it with its lock file."""
    repair = conflict_in(repository, *CLASH)

    _, _, state = repaired(repository, repair, work="true", setup="setup: [echo made anew > f]")

    assert state is BatchState.LANDED
    assert git(repository, "show", f"{TIP}:f") == "made anew"
