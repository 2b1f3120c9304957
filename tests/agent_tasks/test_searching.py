"""The search of a red batch as it is carried out: what is built and verified, and what trouble says of nobody."""

import threading
import time
from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskStopped
from plait.agent_tasks.integrate import ROUNDS, integrate
from plait.agent_tasks.search_memory import recall
from plait.flows.running.session import Session
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import commit_files, files_of, git

TIP = "feature/shop/integration"
BAD = "test ! -f bad.txt"


def plan(verify: str, **integration: int) -> str:
    more = "".join(f", {key}: {value}" for key, value in integration.items())
    return f"""
        feature: shop
        goal: Sell things.
        tasks:
          - {{id: A, run: "true"}}
        integration: {{verify: ["{verify}"]{more}}}
    """


def batch(session: Session, tips: dict[str, str], *, number: int = 1) -> BatchReport:
    branches = tuple(Candidate(task, tip, ()) for task, tip in tips.items())
    order = BatchOrder(f"batch-{number}", session.shop.run_id, branches, DATE)
    with patience(20):
        return integrate.fn(order, session.shop.facts)


def verdicts(report: BatchReport) -> dict[str, tuple[str, str | None]]:
    return {one.task: (one.kind, one.partner) for one in report.outcome.rejected}


@pytest.fixture
def three(branch_with: BranchWith) -> dict[str, str]:
    return {name: branch_with(name.lower(), {f"{name.lower()}.txt": "x\n"}) for name in ("GOOD", "BAD", "MORE")}


def test_who_makes_a_batch_red_is_rejected_with_the_evidence_and_the_rest_lands(
    repository: Path, three: dict[str, str]
) -> None:
    with opened(plan(f"{BAD} || (echo it is bad; false)"), repository) as session:
        report = batch(session, three)

    assert verdicts(report) == {"BAD": ("fails-alone", None)}
    assert (report.outcome.landed, report.outcome.state) == (("GOOD", "MORE"), BatchState.PART_LANDED)
    assert report.rework[0].reason.strip().endswith("it is bad")
    assert report.rework[0].reason.startswith(f"$ {BAD}")
    assert report.outcome.verifications == 7
    assert report.tip == git(repository, "rev-parse", TIP)


@pytest.mark.parametrize("slots", [1, 3])
def test_trouble_of_the_environment_in_the_middle_of_a_search_rejects_nobody(
    repository: Path, three: dict[str, str], slots: int
) -> None:
    """The whole is red; the sub-sets that are looked at then are killed, as when memory runs out."""
    verify = "if test -f bad.txt && test -f more.txt; then exit 1; fi; kill -9 $$"
    with opened(plan(verify, slots=slots), repository) as session:
        report = batch(session, three)

    assert (report.outcome.state, report.outcome.rejected, report.rework) == (BatchState.INFRASTRUCTURE, (), ())
    assert "could not be run" in (report.outcome.reason or "")
    assert report.outcome.verifications >= 2
    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_trouble_of_the_environment_before_a_search_rejects_nobody(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("kill -9 $$"), repository) as session:
        report = batch(session, three)

    assert (report.outcome.state, report.outcome.rejected) == (BatchState.INFRASTRUCTURE, ())
    assert (report.outcome.verifications, report.outcome.landed) == (1, ())


def test_a_base_that_is_red_by_itself_says_nothing_of_the_branches(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("echo broken before; false"), repository) as session:
        report = batch(session, three)

    assert verdicts(report) == dict.fromkeys(three, ("base-red", None))
    assert (report.outcome.state, report.rework) == (BatchState.REJECTED, ())
    assert "broken before" in (report.outcome.reason or "")
    assert report.outcome.verifications == 3


def test_of_what_a_red_base_prints_the_end_is_told(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("seq 1000; false"), repository) as session:
        report = batch(session, three)

    told = (report.outcome.reason or "").partition("the branches:\n")[2]
    assert (len(told), told.split()[-1]) == (2000, "1000")


def test_a_branch_that_merges_only_with_a_rejected_one_waits_for_the_next_batch(
    repository: Path, branch_with: BranchWith
) -> None:
    """X changes the guide as C does, on top of what has landed: without X, C conflicts, and is not guilty of it."""
    git(repository, "branch", TIP, branch_with("landed", {"docs/guide.md": "two\n"}))
    tips = {
        "X": branch_with("x", {"docs/guide.md": "three\n", "bad.txt": "red\n"}, start="landed"),
        "C": branch_with("c", {"docs/guide.md": "three\n", "c.txt": "c\n"}),
        "GOOD": branch_with("good", {"good.txt": "x\n"}),
    }
    with opened(plan(BAD), repository) as session:
        report = batch(session, tips)

    assert verdicts(report) == {"X": ("fails-alone", None)}
    assert (report.outcome.landed, report.outcome.held) == (("GOOD",), ())


@pytest.mark.parametrize("slots", [1, 3])
def test_all_that_merge_only_with_a_rejected_one_wait(repository: Path, branch_with: BranchWith, slots: int) -> None:
    both = {"docs/guide.md": "three\n", "README.md": "three\n"}
    git(repository, "branch", TIP, branch_with("landed", dict.fromkeys(both, "two\n")))
    tips = {
        "X": branch_with("x", {**both, "bad.txt": "red\n"}, start="landed"),
        "C": branch_with("c", {"docs/guide.md": "three\n"}),
        "GOOD": branch_with("good", {"good.txt": "x\n"}),
        "D": branch_with("d", {"README.md": "three\n"}),
    }
    with opened(plan(BAD, slots=slots), repository) as session:
        report = batch(session, tips)

    assert verdicts(report) == {"X": ("fails-alone", None)}
    assert (report.outcome.landed, report.outcome.held) == (("GOOD",), ())


@pytest.mark.parametrize("slots", [1, 3])
def test_a_rejected_branch_that_merges_only_with_what_lands_is_not_looked_at_alone(
    repository: Path, branch_with: BranchWith, slots: int
) -> None:
    """Both change the guide alike, and on what has landed either conflicts with it: X cannot be built without GOOD."""
    git(repository, "branch", TIP, branch_with("landed", {"docs/guide.md": "two\n"}))
    tips = {
        "GOOD": branch_with("good", {"docs/guide.md": "three\n"}, start="landed"),
        "X": branch_with("x", {"docs/guide.md": "three\n", "bad.txt": "red\n"}),
    }
    with opened(plan(BAD, slots=slots), repository) as session:
        report = batch(session, tips)

    assert verdicts(report) == {"X": ("interaction", None)}
    assert (report.outcome.landed, report.outcome.state) == (("GOOD",), BatchState.PART_LANDED)
    assert report.rework[0].reason.startswith(f"$ {BAD}")
    assert report.outcome.verifications == 6


def test_two_that_fail_only_together_are_a_pair(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("! (test -f bad.txt && test -f more.txt)"), repository) as session:
        report = batch(session, three)

    assert verdicts(report) == {"MORE": ("pair", "BAD")}
    assert report.outcome.landed == ("GOOD", "BAD")
    assert report.rework[0].partner_commit == three["BAD"]


def test_sub_sets_are_verified_at_once_where_there_are_slots(
    repository: Path, three: dict[str, str], tmp_path: Path
) -> None:
    """The whole is red; of what is verified then the first waits until a second one has begun as well."""
    place = tmp_path / "begun"
    place.mkdir()
    met = f"test $(ls {place} | wc -l) -ge 2"
    meet = f"touch {place}/$$; for i in $(seq 200); do {met} && break; sleep 0.05; done; {met}"
    verify = f"if test -f more.txt; then ! test -f bad.txt; else {meet}; fi"
    with opened(plan(verify, slots=2), repository) as session:
        report = batch(session, three)

    assert verdicts(report) == {"MORE": ("pair", "BAD")}


def test_a_tree_that_takes_too_long_counts_as_red(repository: Path, three: dict[str, str]) -> None:
    text = plan("test ! -f bad.txt || sleep 30").replace("integration: {", "integration: {timeout: 1s, ")
    with opened(text, repository) as session:
        report = batch(session, {name: three[name] for name in ("BAD", "MORE")})

    assert verdicts(report) == {"BAD": ("fails-alone", None)}
    assert report.outcome.landed == ("MORE",)


def test_nothing_to_verify_with_lands_as_unverified(repository: Path, three: dict[str, str]) -> None:
    with opened("feature: shop\ngoal: Sell.\ntasks:\n  - {id: A, run: 'true'}\n", repository) as session:
        report = batch(session, three)

    assert (report.outcome.verified, report.outcome.verifications) == (False, 0)
    assert report.outcome.landed == ("GOOD", "BAD", "MORE")
    assert "Verified: no" in git(repository, "log", "-1", "--format=%B", TIP)


def test_what_was_verified_before_is_not_counted_again(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("true"), repository) as session:
        first = batch(session, three)
        git(repository, "branch", "-D", TIP)
        second = batch(session, three, number=2)

    assert (first.outcome.verifications, second.outcome.verifications) == (1, 0)
    assert second.outcome.verified


def red_the_first(times: int, place: Path) -> str:
    """A check that is red so many times, whatever it is given."""
    count = place / "times"
    return f"echo x >> {count}; test $(wc -l < {count}) -gt {times}"


@pytest.mark.parametrize("slots", [1, 2])
def test_a_check_that_is_red_once_rejects_nobody_and_is_told(
    repository: Path, three: dict[str, str], tmp_path: Path, slots: int
) -> None:
    check = red_the_first(1, tmp_path)
    with opened(plan(check, slots=slots), repository) as session:
        report = batch(session, three)
        assert recall(session.shop.control).commands == {check: 1}
        again = batch(session, {task: three[task] for task in report.outcome.acquitted}, number=2)

    assert (report.outcome.rejected, report.outcome.flaky) == ((), (check,))
    assert (report.outcome.landed, report.outcome.acquitted) == (("GOOD", "BAD"), ("MORE",))
    assert report.outcome.state is BatchState.PART_LANDED
    assert (again.outcome.landed, again.outcome.verifications) == (("MORE",), 0)


def test_one_branch_whose_check_is_red_once_lands(repository: Path, three: dict[str, str], tmp_path: Path) -> None:
    with opened(plan(red_the_first(1, tmp_path)), repository) as session:
        report = batch(session, {"GOOD": three["GOOD"]})

    assert (report.outcome.landed, report.outcome.state) == (("GOOD",), BatchState.LANDED)
    assert len(report.outcome.flaky) == 1


def test_what_lands_does_not_wait_until_it_is_known_why_the_rest_does_not(
    repository: Path, three: dict[str, str], tmp_path: Path
) -> None:
    told = tmp_path / "tips"
    check = f"{BAD} || (git -C {repository} rev-parse -q --verify refs/heads/{TIP} >> {told}; false)"
    with opened(plan(check), repository) as session:
        report = batch(session, three)

    assert verdicts(report) == {"BAD": ("fails-alone", None)}
    assert set(told.read_text().split()) == {report.tip}


def test_trouble_after_the_landing_rejects_nobody_and_what_has_landed_is_told(
    repository: Path, three: dict[str, str]
) -> None:
    landed = f"git -C {repository} rev-parse -q --verify refs/heads/{TIP}"
    with opened(plan(f"{BAD} || (if {landed}; then kill -9 $$; fi; false)"), repository) as session:
        report = batch(session, three)

    assert (report.outcome.landed, report.outcome.state) == (("GOOD", "MORE"), BatchState.PART_LANDED)
    assert (report.outcome.rejected, report.outcome.acquitted) == ((), ("BAD",))
    assert report.tip == git(repository, "rev-parse", TIP)


def test_a_run_that_is_stopped_after_the_landing_tells_what_has_landed(
    repository: Path, three: dict[str, str], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    landed = f"git -C {repository} rev-parse -q --verify refs/heads/{TIP}"
    with opened(plan(f"{BAD} || (if {landed}; then touch {begun}; sleep 30; fi; false)"), repository) as session:

        def stop_once_begun() -> None:
            while not begun.exists():
                time.sleep(0.05)
            session.shop.stop.set()

        threading.Thread(target=stop_once_begun, daemon=True).start()
        report = batch(session, three)

    assert (report.outcome.landed, report.outcome.rejected) == (("GOOD", "MORE"), ())
    assert report.outcome.acquitted == ("BAD",)


CONTRACT = """
    feature: shop
    goal: Sell things.
    contracts: [{id: api, status: approved, files: [api.txt], tests: ["test ! -f bad.txt"], fulfilled_by: [BAD]}]
    tasks:
      - {id: GOOD, run: "true", needs: [{contract: api}]}
      - {id: BAD, run: "true", needs: [{contract: api}]}
"""


def test_a_contract_that_the_real_thing_breaks_is_named(repository: Path, three: dict[str, str]) -> None:
    commit_files(repository, {"api.txt": "x"})
    with opened(CONTRACT, repository) as session:
        report = batch(session, {name: three[name] for name in ("GOOD", "BAD")})

    assert verdicts(report) == {"BAD": ("fails-alone", None)}
    assert report.rework[0].reason.startswith("the real thing does not keep the contract api\n$ test ! -f bad.txt\n")
    assert report.rework[0].commands == ("test ! -f bad.txt",)
    assert report.outcome.landed == ("GOOD",)


@pytest.mark.parametrize("carries", [("BAD",), ()])
def test_the_tests_of_a_contract_run_on_what_a_branch_carries_too(
    repository: Path, three: dict[str, str], carries: tuple[str, ...]
) -> None:
    commit_files(repository, {"api.txt": "x"})
    with opened(CONTRACT, repository) as session:
        branches = (Candidate("OTHER", three["BAD"], (), carries=carries),)
        report = integrate.fn(BatchOrder("batch-1", session.shop.run_id, branches, DATE), session.shop.facts)

    assert verdicts(report) == ({"OTHER": ("fails-alone", None)} if carries else {})
    assert report.outcome.landed == (() if carries else ("OTHER",))


def test_the_tests_of_a_contract_run_on_what_a_branch_contains_too(
    repository: Path, three: dict[str, str], branch_with: BranchWith
) -> None:
    """BAD adds nothing after GOOD, which has its commits: what is verified is GOOD alone, and the contract with it."""
    commit_files(repository, {"api.txt": "x"})
    tips = {"GOOD": branch_with("around", {"around.txt": "x\n"}, start="bad"), "BAD": three["BAD"]}
    with opened(CONTRACT, repository) as session:
        report = batch(session, tips)

    assert verdicts(report) == {"GOOD": ("fails-alone", None)}
    assert report.outcome.landed == ()


def test_a_batch_without_anything_new_is_not_verified(repository: Path, three: dict[str, str]) -> None:
    git(repository, "branch", TIP, three["GOOD"])
    with opened(plan("false"), repository) as session:
        report = batch(session, {"GOOD": three["GOOD"]})

    assert (report.outcome.landed, report.outcome.verifications) == (("GOOD",), 0)
    assert report.outcome.state is BatchState.LANDED


def test_a_batch_of_a_run_that_was_stopped_lands_nothing(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("true"), repository) as session:
        session.shop.stop.set()
        with pytest.raises(Exception, match="cancelled"):
            batch(session, three)

    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_a_run_that_is_stopped_before_the_landing_lands_nothing(repository: Path, three: dict[str, str]) -> None:
    with opened("feature: shop\ngoal: Sell.\ntasks:\n  - {id: A, run: 'true'}\n", repository) as session:
        session.shop.stop.set()
        with pytest.raises(TaskStopped):
            batch(session, three)

    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_a_tip_that_moves_while_a_batch_is_verified_is_built_upon(repository: Path, three: dict[str, str]) -> None:
    moves = f"git -C {repository} branch -f {TIP} {three['MORE']}"
    with opened(plan(f"test -f more.txt || {moves}"), repository) as session:
        report = batch(session, {"GOOD": three["GOOD"]})

    assert report.outcome.landed == ("GOOD",)
    assert {"more.txt", "good.txt"} <= set(files_of(repository, TIP))


def test_a_tip_that_moves_each_time_is_left_to_whoever_moves_it(repository: Path, branch_with: BranchWith) -> None:
    start = "main"
    for number in range(1, ROUNDS + 2):
        branch_with(f"step-{number}", {f"step-{number}": "x\n"}, start=start)
        start = f"step-{number}"
    moves = f"git -C {repository} branch -f {TIP} step-$(($(ls | grep -c ^step-) + 1))"
    with opened(plan(moves), repository) as session:
        report = batch(session, {"A": branch_with("a", {"a.txt": "x\n"})})

    assert (report.outcome.state, report.outcome.landed) == (BatchState.INFRASTRUCTURE, ())
    assert f"moved by somebody else {ROUNDS} times" in (report.outcome.reason or "")
    assert git(repository, "rev-parse", TIP) == git(repository, "rev-parse", f"step-{ROUNDS}")


def test_the_stages_of_a_batch_are_measured_apart(repository: Path, three: dict[str, str]) -> None:
    with opened(plan("sleep 0.3"), repository) as session:
        began = time.monotonic()
        report = batch(session, three)
        took = time.monotonic() - began

    assert set(report.spent) == {"merge", "verification", "landing"}
    assert report.spent["verification"] >= 0.3
    assert report.spent["merge"] > 0
    assert sum(report.spent.values()) <= took + 0.01
    assert report.outcome.started_at is not None
    assert report.outcome.ended_at is not None
