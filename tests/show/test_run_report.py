"""The report: says what landed and why not, and stays a report whatever the agents wrote."""

import json
import math
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from plait.plans.landing.batch_words import batch_words
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.outcomes import (
    Approval,
    BatchOutcome,
    BatchState,
    ChainBranch,
    ContractOutcome,
    FeatureOutcome,
    Held,
    Rejection,
    RunState,
    SettledFile,
    Span,
    StageOutcome,
    TaskOutcome,
    VerifiedTree,
    WeakenedTest,
)
from plait.plans.tasks.states import TaskState
from plait.plans.wording import code_block, listed, markdown, one_line, spell_roughly, spell_seconds
from plait.show.insight import insights
from plait.show.metrics import measure
from plait.show.outcome_json import outcome_json, report_json
from plait.show.run_report import report_markdown, report_text
from plait.show.unlanded import headline, unlanded
from tests.support.outcomes import a_batch, a_task, an_outcome, at

HOSTILE = (
    "a | b || `c` ``d`` <img src=x onerror=alert(1)> <script>alert(1)</script> ![i](http://evil.test/x.png) "
    "[l](javascript:alert(1)) https://evil.test www.evil.test me@evil.test \x1b[31m \0 \u202e \ud800 </details> --> "
    "\n# heading\n| x | y |\n|---|---|\n```\nfence\n~~~\n$x$ &lt;b&gt; \\| **bold**"
)
# As mdast-util-gfm-autolink-literal finds them in text, escaped or not.
ADDRESSES = re.compile(r"(https?://|www(?=\.))[-.\w]+|[-.\w+]+@[-\w]+(\.[-\w]+)+", re.IGNORECASE)
any_text = st.text(max_size=40) | st.sampled_from(
    ["|", "`", "\n", "<b>", "![a](b)", "[a](b)", "---", "\\", HOSTILE, "a@b.c"]
)


def report_of(outcome: FeatureOutcome) -> str:
    return report_markdown(outcome, metrics=measure(outcome), gantt_uri="data:image/svg+xml;base64,AAAA", logs_hint="")


def hostile_outcome(text: str) -> FeatureOutcome:
    """Every text that somebody else may have written is `text`."""
    task = a_task(text or "-", text, state=TaskState.FAILED, reason=text, agent=text).model_copy(
        update={"branch": text}
    )
    no = Rejection(task=task.id, kind="pair", partner=text, files=(text, text), reason=text)
    tree = VerifiedTree(branches=(text, task.id), tree=text, verdict="red", command=text, log=text, contracts=(text,))
    file = SettledFile(task=text, path=text, by=text)
    more: dict[str, Any] = {"chain": (ChainBranch(task=text, tip=text, commit=text),), "onto": text, "trees": (tree,)}
    more |= {"objects": text or "-", "setup": (text,), "checks": (text,), "settled": (file,)}
    more["weakened"] = (WeakenedTest(task=text, path=text, what=text),)
    more["stages"] = (StageOutcome(name=text, verdict="red", command=text, log=text, failing=(text, text)),)
    held = (Held(task=text, by=text),)
    batch = a_batch(text, rejected=(no,), held=held, landed=("MODEL",), commit=text, **more)
    return an_outcome(
        run_id=text, feature=text, branch=text, commit=text, reason=text, salvage=(text,), unsupported=(text,)
    ).model_copy(update={"tasks": (a_task("MODEL"), task), "batches": (batch,)})


def tokens_of(text: str) -> list[Token]:
    """As a page with tables reads it, HTML and all."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    reader.validateLink = lambda _url: True  # type: ignore[method-assign]
    tokens = reader.parse(text)
    return [one for token in tokens for one in (token, *(token.children or []))]


def kinds_of(text: str) -> list[str]:
    return [
        token.type for token in tokens_of(text) if token.type not in {"text", "softbreak", "hardbreak", "text_special"}
    ]


def without_fences(kinds: list[str]) -> list[str]:
    """Evidence of several lines stands in a fence, which is there or not as the evidence has it."""
    return [kind for kind in kinds if kind != "fence"]


def plain_of(text: str) -> str:
    return " ".join(token.content for token in tokens_of(text) if token.type in {"text", "fence"})


def test_it_says_what_landed_and_what_did_not_and_why() -> None:
    text = plain_of(report_of(an_outcome()))

    assert "cart has landed in part: 2 of 5 tasks landed" in text
    assert "failed after 1 try: conflict with API" in text
    assert "it changes the same lines as API in src/cart.py and src/shop.py (both changed the total)" in text
    assert "It has not landed; its work is kept on feature/cart/agent/frontend/PAGE." in text
    assert "is held back: needs PAGE, which was rejected" in text
    assert "git log --graph --oneline feature/cart/integration" in text
    assert "git merge feature/cart/integration" in text
    assert "feature/cart/salvage/API/1" in text


def test_what_has_landed_since_is_not_named_as_what_a_task_waits_for() -> None:
    batches = (
        BatchOutcome(id="batch-1", held=(Held(task="B", by="A"), Held(task="B", by="C"))),
        BatchOutcome(id="batch-2", landed=("A",)),
    )
    tasks = tuple(
        TaskOutcome(id=task, role="one", state=state)
        for task, state in {"A": TaskState.LANDED, "B": TaskState.DONE, "C": TaskState.CANCELLED}.items()
    )
    (waiting, _) = unlanded(an_outcome().model_copy(update={"tasks": tasks, "batches": batches}))

    assert waiting.reason == "needs C, which did not land"


def test_it_says_what_happened_next() -> None:
    no = Rejection(task="PAGE", kind="pair", partner="API", reason="test_total failed")
    batches = (
        a_batch("batch-1", state=BatchState.PART_LANDED, landed=("API",), rejected=(no,)),
        a_batch("batch-2", state=BatchState.REJECTED, rejected=(no,)),
        a_batch("batch-3", landed=("PAGE",)),
    )
    outcome = an_outcome(state=RunState.COMPLETED, tasks=(a_task("API"), a_task("PAGE")), batches=batches)
    text = plain_of(report_of(outcome))

    assert "Repaired on the way" in text
    assert "batch-1 rejected PAGE (pair): it passes alone, but makes the verification fail together with API" in text
    assert "(test_total failed). Repaired, and rejected again by batch-2." in text
    assert "Repaired, and landed with batch-3." in text
    assert "What did not land" not in text


@pytest.mark.parametrize(
    "kind",
    [
        "conflict",
        "fails-alone",
        "pair",
        "interaction",
        "held-by",
        "out-of-scope",
        "flaky",
        "base-red",
        "infrastructure",
    ],
)
def test_every_kind_of_rejection_is_put_in_words(kind: str) -> None:
    no = Rejection.model_validate({"task": "PAGE", "kind": kind})
    lines = report_text(*with_metrics(an_outcome(batches=(a_batch(rejected=(no,)),))))

    assert any(f"rejected PAGE ({kind}): it " in line for line in lines)


def with_metrics(outcome: FeatureOutcome) -> tuple[FeatureOutcome, object]:
    return outcome, measure(outcome)


def test_a_flaky_check_is_told_once_on_the_terminal_too() -> None:
    batches = (a_batch(flaky=("pytest -q",)), a_batch(id="batch-2", flaky=("pytest -q",)))
    lines = report_text(*with_metrics(an_outcome(batches=batches)))

    assert lines.count("  flaky: pytest -q was red and green on the same tree") == 1


def test_what_landed_without_a_check_is_marked() -> None:
    text = plain_of(report_of(an_outcome(batches=(a_batch(landed=("API",), verified=False),))))

    assert "batch-1 landed without any check" in text
    assert "landed, unverified" in text


def test_the_picture_is_the_only_image_and_there_is_no_link() -> None:
    images = [token for token in tokens_of(report_of(an_outcome())) if token.type == "image"]

    assert [image.attrs["src"] for image in images] == ["data:image/svg+xml;base64,AAAA"]
    assert "link_open" not in kinds_of(report_of(an_outcome()))


@settings(max_examples=300, deadline=None)
@given(any_text)
def test_hostile_text_changes_nothing_of_the_reports_structure(text: str) -> None:
    harmless, hostile = report_of(hostile_outcome("x")), report_of(hostile_outcome(text))
    # A text without any sign leaves out the sections that would hold only it.
    expected = without_fences(kinds_of(harmless)) if text.strip() else None

    found = without_fences(kinds_of(hostile))

    assert expected is None or found == expected
    assert found.count("image") == 1
    assert not {"html_block", "html_inline", "link_open", "code_inline", "em_open", "s_open"} & set(found)
    assert not [token for token in tokens_of(hostile) if token.type == "text" and ADDRESSES.search(token.content)]


def test_the_hostile_text_itself_can_still_be_read() -> None:
    text = plain_of(report_of(hostile_outcome(HOSTILE)))

    assert "a | b || `c` ``d`` <img src=x onerror=alert(1)>" in text
    assert "&lt;b&gt; \\| **bold**" in text


@given(any_text)
def test_lines_for_the_terminal_hold_no_control_characters(text: str) -> None:
    outcome = hostile_outcome(text)

    for line in report_text(outcome, measure(outcome)):
        assert not [sign for sign in line if unicodedata.category(sign) in {"Cc", "Cf", "Cs"}]


def test_lines_for_the_terminal_tell_the_same() -> None:
    outcome = an_outcome()

    lines = report_text(outcome, measure(outcome))

    assert lines[0] == "cart has landed in part: 2 of 5 tasks landed"
    assert "  PAGE failed after 1 try: conflict with API" in lines
    assert "  git merge feature/cart/integration" in lines
    assert any("speed-up 0.99" in line and "1 conflict" in line for line in lines)
    assert (
        "  conflicts 1 (25 % of 4 branches), fair: 10 to 25 % of the branches conflicted: see which tasks share files"
        in lines
    )
    assert any(line.startswith("  ran beside another 75 %, good: ") for line in lines)
    assert not any("saved" in line for line in lines), "it took longer than the work"


def test_the_lower_bound_of_a_run_is_not_called_as_that_of_its_forecast() -> None:
    outcome = an_outcome()

    assert "| lower bound of actual times | 3 min 00 s " in report_of(outcome)
    assert any(line.startswith("  lower bound of actual times ") for line in report_text(outcome, measure(outcome)))


def test_named_stages_and_failed_ones_have_a_table_and_plain_green_commands_have_none() -> None:
    plain = StageOutcome(verdict="green", command="make", seconds=1.0, log="a.log")
    tests = StageOutcome(name="tests", verdict="red", command="pytest", seconds=65.0, log="b.log", failing=("t1", "t2"))
    audit = StageOutcome(name="audit", verdict="not-reached", command="audit")
    outcome = an_outcome().model_copy(update={"batches": (a_batch("batch-1", stages=(plain, tests, audit)),)})
    report = report_of(outcome)
    assert "| batch-1 | make | green | 1 s | – | a.log |" in report
    assert "| batch-1 | tests | red | 1 min 05 s | t1 and t2 | b.log |" in report
    assert "| batch-1 | audit | not-reached | – | – | – |" in report
    (told,) = json.loads(outcome_json(outcome))["batches"]
    assert told["stages"][1]["failing"] == ["t1", "t2"]
    quiet = an_outcome().model_copy(update={"batches": (a_batch("batch-1", stages=(plain,)),)})
    assert "## Verification" not in report_of(quiet)


def test_a_contract_that_waits_is_told_with_its_command() -> None:
    asked = Approval(contract="cart-api", version=1, owner="API", asked_at=at(0))
    waits = ContractOutcome(id="cart-api", version=1, status="waiting", owner="API")
    outcome = an_outcome(approvals=(asked,), contracts=(waits,))

    lines = report_text(outcome, measure(outcome))

    assert lines.count("  plait approve cart cart-api") == 1
    assert sum("plait approve" in line for line in lines) == 1
    earlier = an_outcome(contracts=(waits,))
    assert "  waits for a person: plait approve cart cart-api (written by API)" in report_text(
        earlier, measure(earlier)
    )


def test_the_time_of_a_task_is_that_in_which_it_was_worked_on() -> None:
    spans = (Span(started_at=at(0), ended_at=at(10)), Span(started_at=at(3600), ended_at=at(3605), repair=1))
    task = a_task("A", start=0, end=3605).model_copy(update={"spans": spans})

    assert "| 15 s |" in report_of(an_outcome(tasks=(task,)))


def test_a_reason_whose_first_line_says_it_all_is_told_once() -> None:
    said = "the script ended with exit status 2: ls: cannot access 'x'\nls: cannot access 'x'"
    outcome = an_outcome(state=RunState.FAILED, batches=(), tasks=(a_task("A", state=TaskState.FAILED, reason=said),))

    assert f"  A failed after 1 try: {said.splitlines()[0]}" in report_text(outcome, measure(outcome))


def test_a_flood_of_output_is_cut() -> None:
    outcome = an_outcome(tasks=(a_task("A", state=TaskState.FAILED, reason="x" * 10_000_000),))

    assert len(report_of(outcome)) < 10_000


def test_a_run_with_nothing_in_it_is_reported() -> None:
    empty = an_outcome(tasks=(), batches=(), salvage=(), unsupported=(), commit=None, ended_at=None, elapsed_seconds=0)

    assert "0 of 0 tasks landed" in report_of(empty)


def test_the_json_has_exactly_the_promised_keys() -> None:
    record = json.loads(outcome_json(an_outcome()))

    assert list(record) == [
        *(
            "run_id",
            "feature",
            "state",
            "branch",
            "commit",
            "started_at",
            "ended_at",
            "elapsed_seconds",
            "bound_seconds",
        ),
        *("tasks", "batches", "salvage", "unsupported"),
    ]
    assert list(record["tasks"][0]) == [
        *("id", "role", "agent", "state", "branch", "commit", "started_at", "ended_at", "tries", "reason")
    ]
    assert list(record["batches"][0]) == [
        *("id", "state", "commit", "tree", "verifications", "landed", "rejected", "held"),
        *("settled", "weakened", "onto", "chain", "trees"),
    ]
    assert list(record["batches"][0]["rejected"][0]) == ["task", "kind", "partner", "files", "reason", "repeat"]
    assert record["batches"][0]["held"] == [{"task": "TESTS", "by": "PAGE"}]
    assert record["state"] == "partial"
    assert record["tasks"][4]["started_at"] is None


def report_data(outcome: FeatureOutcome) -> dict[str, Any]:
    metrics = measure(outcome)
    data: dict[str, Any] = json.loads(report_json(outcome, metrics, insights(outcome, metrics)))
    return data


def test_the_json_of_a_report_is_that_of_the_run_with_figures_readings_and_insight() -> None:
    asked = Approval(contract="cart-api", version=1, owner="API", asked_at=at(199), holds=("PAGE",))
    outcome = an_outcome(approvals=(asked,))
    said, run = report_data(outcome), json.loads(outcome_json(outcome))

    assert said.items() >= run.items()
    assert list(said) == [*run, "metrics", "readings", "insights", "approvals"]
    assert list(said["metrics"]) == [
        *("elapsed_seconds", "work_seconds", "saved_seconds", "approval_seconds", "account_seconds"),
        *(
            "bound_seconds",
            "bound_ratio",
            "agents",
            "tasks_run",
            "speedup",
            "efficiency",
            "share_in_parallel",
            "busiest_role",
            "busiest_share",
        ),
        *("branches", "conflicts", "conflict_rate", "verifications", "tries", "failed_tries"),
    ]
    assert {name: one["reading"] for name, one in said["readings"].items()} == {
        "share_in_parallel": "good",
        "conflict_rate": "fair",
        "bound_ratio": "fair",
    }
    assert said["metrics"]["conflict_rate"] == 0.25
    assert "PAGE did not fit together" in " ".join(said["insights"])
    assert said["approvals"] == [
        {
            "contract": "cart-api",
            "version": 1,
            "owner": "API",
            "asked_at": "2026-11-20T09:03:19.123+00:00",
            "answered_at": None,
            "holds": ["PAGE"],
        }
    ]


def test_the_json_of_a_report_on_nothing_has_no_figure_where_there_is_nothing_to_divide() -> None:
    said = report_data(an_outcome(tasks=(), batches=(), elapsed_seconds=0, ended_at=at(0), bound_seconds=0))

    assert said["readings"] == {}
    assert said["metrics"]["speedup"] is None


def test_the_times_of_the_json_have_zone_and_milliseconds() -> None:
    record = json.loads(outcome_json(an_outcome(ended_at=at(0.0004))))

    assert record["started_at"] == "2026-11-20T09:00:00.123+00:00"
    assert record["ended_at"] == "2026-11-20T09:00:00.123+00:00"


@given(any_text)
def test_the_json_is_json_in_ascii_whatever_is_in_it(text: str) -> None:
    dumped = outcome_json(hostile_outcome(text).model_copy(update={"bound_seconds": float("inf")}))

    assert dumped.isascii()
    assert json.loads(dumped)["tasks"][1]["reason"] == text
    assert json.loads(dumped)["bound_seconds"] is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (9.97, "10 s"),
        (59.4, "59 s"),
        (59.7, "1 min 00 s"),
        (3599.6, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (274000, "76 h 07 min"),
        (447000, "5 d 4 h"),
        (-61, "−1 min 01 s"),
        (float("nan"), "?"),
    ],
)
def test_times_are_spelled_for_people(seconds: float, words: str) -> None:
    assert spell_seconds(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(20.4, "20 s"), (62, "1 min"), (1000, "17 min"), (80580, "22 h 30 min"), (86400 * 5, "5 d"), (math.inf, "?")],
)
def test_what_is_simulated_is_spelled_no_finer_than_it_is_known(seconds: float, words: str) -> None:
    assert spell_roughly(seconds) == words


def test_words_are_listed_and_long_lists_cut() -> None:
    assert listed(()) == ""
    assert listed(("a",)) == "a"
    assert listed(("a", "b", "c")) == "a, b and c"
    assert listed(tuple("abcdefghij"), 4) == "a, b, c and 7 more"


def test_a_block_of_commands_cannot_be_closed_from_within() -> None:
    kinds = [token.type for token in tokens_of(code_block(["echo `a` ```", "``` x"]))]

    assert kinds == ["fence"]


@given(st.text(), st.integers(2, 50))
def test_one_line_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    line = one_line(text, limit)

    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert "\n" not in markdown(text)


def test_what_settled_a_conflict_is_told_and_which_rule_would_have() -> None:
    settled = SettledFile(task="B", path="CHANGELOG.md", by="changelogs: union")
    no = Rejection(task="C", kind="conflict", partner="B", files=("web/yarn.lock",), presets=("yarn",))
    outcome = an_outcome(batches=(a_batch(settled=(settled,), rejected=(no,)),))
    lines = report_text(*with_metrics(outcome))
    assert "  settled: CHANGELOG.md (changelogs: union) for B in batch-1" in lines
    assert any("integration: {merge: [yarn]}" in line and "web/yarn.lock" in line for line in lines)
    assert "changelogs: union" in report_of(outcome)
    assert "integration: {merge: [yarn]}" in plain_of(report_of(outcome))
    record = json.loads(outcome_json(outcome))["batches"][0]
    assert record["settled"] == [{"task": "B", "path": "CHANGELOG.md", "by": "changelogs: union"}]
    assert record["rejected"][0]["presets"] == ["yarn"]
    assert "settled CHANGELOG.md (changelogs: union)" in batch_words(outcome.batches[0])


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (TaskState.LANDED, "1 of 2 tasks landed, main is taken in"),
        (TaskState.HELD, "1 of 2 tasks landed, main is not taken in"),
    ],
)
def test_base_that_is_taken_in_is_told_and_counted_as_no_task(state: TaskState, words: str) -> None:
    tasks = (a_task("refresh", state=state), a_task("A"), a_task("B", state=TaskState.FAILED))
    outcome = an_outcome(tasks=tasks, base=BaseStanding(name="main", refresh="refresh"))
    assert headline(outcome) == words
    assert [task.id for task in outcome.counted] == ["A", "B"]
    assert [task.id for task in an_outcome(tasks=tasks, base=None).counted] == ["refresh", "A", "B"]
