"""Scripts of scripted agents: what is played when, and every mistake with its place."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.language.scripts import Script, ScriptEntry, read_script


def _said(script: Script, task: str, attempt: int, repair: int = 0) -> str | None:
    entry = script.entry(task, attempt=attempt, repair=repair)
    return entry.say[0] if entry else None


TRIES = """
tasks:
  A:
    - say: [first]
    - try: 3
      say: [third]
    - say: [last]
    - {repair: 1, say: [mended]}
    - {repair: 1, try: 2, say: [mended at last]}
    - {repair: 3, say: [third repair]}
default:
  - say: [anybody]
"""


def test_entries_are_played_in_the_order_of_tries_and_the_last_is_repeated() -> None:
    script = read_script(TRIES, "script.yaml")

    said = [_said(script, "A", attempt) for attempt in range(1, 7)]

    assert said == ["first", "first", "third", "last", "last", "last"]


def test_repair_orders_have_entries_of_their_own() -> None:
    script = read_script(TRIES, "script.yaml")

    assert [_said(script, "A", 1, repair) for repair in (1, 2, 3)] == ["mended", "mended", "third repair"]
    assert _said(script, "A", 2, repair=1) == "mended at last"


def test_a_task_that_is_not_named_gets_the_default() -> None:
    script = read_script(TRIES, "script.yaml")

    assert _said(script, "B", 4) == "anybody"
    assert script.entry("B", attempt=1, repair=1) is None
    assert read_script("tasks: {}", "script.yaml").entry("B", attempt=1) is None


STEPS = """
default:
  - steps:
      - write: {path: src/a.py, text: "a = 1\\n"}
      - append: {path: src/a.py, text: "b = 2\\n"}
      - replace: {path: src/a.py, old: "1", new: "3"}
      - resolve: {path: src/a.py, text: ""}
      - delete: old.txt
      - chmod: {path: run.sh, mode: 755}
      - symlink: {path: link, to: /etc/passwd}
      - sleep: 250ms
      - run: [python, -c, "print(1)"]
      - flood: 5MB
      - flood: forever
      - hang: {}
      - children: 3
      - say: almost
      - fail: {status: 3, say: cannot}
"""


def test_the_player_gets_plain_numbers() -> None:
    entry = read_script(STEPS, "script.yaml").entry("A", attempt=1)
    assert entry is not None

    steps = {verb: value for step in entry.for_player()["steps"] for verb, value in step.items()}

    assert steps["chmod"] == {"path": "run.sh", "mode": 0o755}
    assert steps["sleep"] == 0.25
    assert [step["flood"] for step in entry.for_player()["steps"] if "flood" in step] == [5_000_000, None]
    assert steps["hang"] == {}
    assert len(entry.for_player()["steps"]) == 15


MISTAKES = {
    "taks: {}": "script.yaml:1:1: taks: unknown key 'taks' (did you mean 'tasks'?)",
    "tasks:\n  A:\n    - stps: []": "script.yaml:3:7: tasks.A[0].stps: unknown key 'stps' (did you mean 'steps'?)",
    "default:\n  - steps:\n      - wrte: {path: a, text: b}": (
        "script.yaml:3:9: default[0].steps[0].wrte: unknown key 'wrte' (did you mean 'write'?)"
    ),
    "default:\n  - steps:\n      - write: {path: a, txt: b}": (
        "script.yaml:3:26: default[0].steps[0].write.txt: unknown key 'txt' (did you mean 'text'?)"
    ),
    "default: [{steps: [{write: {path: ../a, text: b}}]}]": "must name a file below the checkout",
    "default: [{steps: [{write: {path: /a, text: b}}]}]": "must be a path from the checkout's root",
    "default: [{steps: [{delete: a/./b}]}]": "must name a file below the checkout",
    "default: [{steps: [{say: a, sleep: 1s}]}]": "must have exactly one of the keys say, write,",
    "default: [{steps: [{}]}]": "must have exactly one of the keys",
    "default: [{steps: [{say: null}]}]": "must have exactly one of the keys",
    "default: [{steps: [{sleep: 3}]}]": "'3' has no unit",
    "default: [{steps: [{sleep: 2h}]}]": "must be an hour at most",
    "default: [{steps: [{flood: 5XB}]}]": "must be a size such as 5MB, or `forever`",
    "default: [{steps: [{chmod: {path: a, mode: 99}}]}]": "must be octal permission bits such as 755",
    "default: [{steps: [{children: many}]}]": "must be a whole number",
    "default: [{steps: [{fail: {status: 0}}]}]": "should be greater than or equal to 1",
    "default: [{steps: [{run: []}]}]": "default[0].steps[0].run: is empty",
    "default: [{try: 2}]": "must begin with try 1, not 2",
    "default: [{}, {try: 1}]": "must have its tries in order: 1 comes after 1",
    "default: {}": "must be a list, not a mapping",
    "[]": "must be a mapping, not a list",
    "tasks: &a {}": "the anchor '&a' is refused",
    "tasks: [": "is not valid YAML",
    "": "is empty",
}


@pytest.mark.parametrize(("text", "told"), MISTAKES.items(), ids=range(len(MISTAKES)))
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(PlanError) as caught:
        read_script(text, "script.yaml")

    assert told in str(caught.value)
    assert caught.value.exit_code == 2


def test_all_mistakes_are_told_at_once_in_the_order_of_lines() -> None:
    text = "default:\n  - steps:\n      - sleep: 3\n      - flood: 1\n  - repair: 0\nextra: 1\n"

    with pytest.raises(PlanError) as caught:
        read_script(text, "script.yaml")

    assert [problem.line for problem in caught.value.problems] == [3, 4, 5, 6]


WORDS = st.text() | st.sampled_from(["steps", "write", "path", "try", "repair", "say", "sleep", "1s"])


@given(st.recursive(st.none() | st.integers() | WORDS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner)))
def test_whatever_is_written_is_read_or_refused_with_a_plan_error(value: Any) -> None:
    with suppress(PlanError):
        read_script(json.dumps({"tasks": {"A": value}}), "script.yaml")


@given(
    entries=st.lists(st.sampled_from([None, 1, 2]), max_size=5),
    attempt=st.integers(1, 9),
    repair=st.integers(0, 3),
)
def test_what_is_played_is_for_this_repair_order_or_an_earlier_one(
    entries: list[int | None], attempt: int, repair: int
) -> None:
    written = tuple(ScriptEntry(repair=number) for number in entries)
    script = Script(tasks={"A": written} if written else {})

    entry = script.entry("A", attempt=attempt, repair=repair)

    fitting = [each for each in written if (each.repair or 0) <= repair and (each.repair is None) == (repair == 0)]
    assert (entry in fitting) if fitting else (entry is None)
