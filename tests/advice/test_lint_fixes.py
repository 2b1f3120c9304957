"""What a finding says is to be done makes it go: of every example, and of plans as Hypothesis draws them."""

import copy
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from plait.advice.lint.examples import EXAMPLES
from plait.advice.lint.findings import LintFinding, LintFindings
from plait.plans.language.parsing import plan_of, read_plan
from tests.advice.linted import lint_of
from tests.support.drawn import needs

Plan = dict[str, Any]


def found_in(plan: Plan) -> LintFindings:
    document = read_plan(json.dumps(plan), source="p")
    return lint_of(plan_of(document, source="p"), places=document.places)


def task_of(plan: Plan, name: str) -> dict[str, Any]:
    task: dict[str, Any] = next(task for task in plan["tasks"] if task["id"] == name)
    return task


def add_need(plan: Plan, finding: LintFinding) -> None:
    """`let B need A`, `add A to the needs of B`."""
    told = re.search(r"let (?P<who>\S+) need (?P<what>[^\s,]+)", finding.hint) or re.search(
        r"add (?P<what>\S+) to the needs of (?P<who>\S+)", finding.hint
    )
    assert told, finding.hint
    task_of(plan, told["who"]).setdefault("needs", []).append(told["what"])


def drop(plan: Plan, finding: LintFinding) -> None:
    """`drop it`: the entry of a list that the path names."""
    place = re.fullmatch(r"(.*)\[(\d+)\](?:\.code)?", finding.path)
    assert place, finding.path
    del at(plan, place[1])[int(place[2])]


def at(plan: Plan, path: str) -> Any:
    here: Any = plan
    for step in re.findall(r"[^.\[\]]+", path):
        here = here[int(step)] if step.isdigit() else here[step]
    return here


def own_something(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0])["owns"] = [f"only/{finding.tasks[0]}/**"]


def own_the_output(plan: Plan, finding: LintFinding) -> None:
    task = task_of(plan, finding.tasks[0])
    task["owns"] = [*task["owns"], at(plan, finding.path)]


def name_it(plan: Plan, finding: LintFinding) -> None:
    """`write `A``."""
    (name,) = re.findall("write `([^`]+)`", finding.hint)
    parent, _, key = finding.path.rpartition(".")
    place = re.fullmatch(r"(.*)\[(\d+)\]", finding.path)
    if place:
        at(plan, place[1])[int(place[2])] = name
    else:
        at(plan, parent)[key] = name


def changes_optional(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0])["changes"] = "optional"


def only_look(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0]).update(owns=[], changes="optional")


def same_priority(plan: Plan, finding: LintFinding) -> None:
    needed, urgent = finding.tasks
    task_of(plan, needed)["priority"] = task_of(plan, urgent)["priority"]


def contract_first(plan: Plan, finding: LintFinding) -> None:
    """`name a contract, and let PAGE and APP need it instead of API`."""
    told = re.search(r"let (.*) need it instead of (\S+): `needs: \[\{contract: (.*)\}\]`", finding.hint)
    assert told, finding.hint
    plan.setdefault("contracts", []).append({"id": told[3]})
    for name in (*re.split(", | and ", told[1]), told[2]):
        task = task_of(plan, name)
        rest = [need for need in task.get("needs", []) if need != told[2]]
        task["needs"] = [*rest, {"contract": told[3]}]


def fewer_slots(plan: Plan, _: LintFinding) -> None:
    for role in plan["crew"].values():
        role["slots"] = min(role["slots"], 3)


def verify_the_whole(plan: Plan, _: LintFinding) -> None:
    plan.setdefault("integration", {})["verify"] = ["pytest -q"]


def prove_it(plan: Plan, finding: LintFinding) -> None:
    place = re.fullmatch(r"(.*)\[(\d+)\]", finding.path)
    assert place, finding.path
    at(plan, place[1])[int(place[2])] = "make test"


def cheap_first(plan: Plan, finding: LintFinding) -> None:
    place = re.fullmatch(r"(.*)\[(\d+)\]", finding.path)
    assert place, finding.path
    stages = at(plan, place[1])
    stages.insert(0, stages.pop(int(place[2])))


def patient(plan: Plan, _: LintFinding) -> None:
    plan["integration"].update(ready=0.8, wait="10m")


def say_more(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[-1])["prompt"] = f"Build all that {finding.tasks[-1]} is for."


def estimate(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0])["duration"] = "1h"


def longer_timeout(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0])["timeout"] = "9h"


def other_reviewer(plan: Plan, finding: LintFinding) -> None:
    task_of(plan, finding.tasks[0])["review"]["by"] = "reviewer"


def give_a_command(plan: Plan, _: LintFinding) -> None:
    for role in plan["crew"].values():
        role["command"] = ["my-agent"]


def use_it(plan: Plan, finding: LintFinding) -> None:
    name = finding.path.rpartition(".")[2]
    plan["tasks"][0]["uses"] = {name: 1}


def give_it_a_task(plan: Plan, finding: LintFinding) -> None:
    plan["tasks"].append({"id": "MORE", "run": "make more", "role": finding.path.rpartition(".")[2]})


def need_it(plan: Plan, finding: LintFinding) -> None:
    contract = at(plan, finding.path)["id"]
    plan["tasks"].append({"id": "MORE", "run": "make more", "needs": [{"contract": contract}]})


def add_to_a_phase(plan: Plan, finding: LintFinding) -> None:
    plan["phases"][0]["tasks"].append(finding.tasks[0])


FIXES: dict[str, Callable[[Plan, LintFinding], None]] = {
    "PLAN009": give_a_command,
    "PLAN101": own_something,
    "PLAN102": own_the_output,
    "PLAN103": add_need,
    "PLAN104": only_look,
    "PLAN105": changes_optional,
    "PLAN201": add_need,
    "PLAN202": drop,
    "PLAN203": name_it,
    "PLAN204": drop,
    "PLAN205": same_priority,
    "PLAN301": contract_first,
    "PLAN302": fewer_slots,
    "PLAN303": patient,
    "PLAN304": say_more,
    "PLAN401": verify_the_whole,
    "PLAN402": verify_the_whole,
    "PLAN403": verify_the_whole,
    "PLAN404": say_more,
    "PLAN405": estimate,
    "PLAN406": longer_timeout,
    "PLAN407": other_reviewer,
    "PLAN408": prove_it,
    "PLAN409": cheap_first,
    "PLAN501": need_it,
    "PLAN502": use_it,
    "PLAN503": give_it_a_task,
    "PLAN504": drop,
    "PLAN505": add_to_a_phase,
    "PLAN601": name_it,
    "PLAN901": drop,
}
"""By rule, what its hint says."""


@pytest.mark.parametrize("code", sorted(FIXES))
def test_the_fix_of_an_example_leaves_nothing_to_be_found(code: str) -> None:
    plan = {"feature": "f", **yaml.safe_load(EXAMPLES[code].bad)}
    (finding,) = found_in(plan).shown
    FIXES[code](plan, finding)
    assert [(one.rule.code, one.message) for one in found_in(plan).shown] == []


KEYS = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["backend", "qa", "backnd"]),
        "prompt": st.sampled_from(["todo", "Write src/a.py", "Go by docs/x.md now", "Do not touch src/a.py, ever"]),
    },
    optional={
        "owns": st.lists(st.sampled_from(["src/**", "src/a.py", "docs/x.md", "**/*.md"]), max_size=2),
        "outputs": st.just(["docs/x.md"]),
        "duration": st.sampled_from(["1h", "4h"]),
        "timeout": st.just("2h"),
        "priority": st.sampled_from(["low", "high"]),
        "verify": st.sampled_from([["true"], ["make"]]),
    },
)


# Shrinking would lint thousands of plans again.
@settings(max_examples=50, deadline=None, phases=[Phase.generate])
@given(st.data())
def test_whoever_does_what_is_said_ends_with_a_clean_plan(data: st.DataObject) -> None:
    """One finding after another, and never a plan that is refused (as by a circle)."""
    drawn = data.draw(needs(most=5))
    tasks = [
        {
            "id": name,
            "needs": [group[0] if len(group) == 1 else {"any": [*group]} for group in groups],
            **data.draw(KEYS),
        }
        for name, groups in drawn.items()
    ]
    do_what_is_said({"feature": "f", "tasks": tasks})


def test_who_reads_a_file_of_the_task_that_all_wait_for_is_not_told_to_go_by_a_contract_of_it() -> None:
    """Found by drawing: one rule said to need a contract instead of HUB, the next one to need HUB, for ever."""
    reader = {"role": "backend", "prompt": "Go by docs/x.md now", "duration": "4h", "needs": ["HUB"]}
    hub = {"role": "backend", "prompt": "Write the parts.", "duration": "4h", "owns": ["hub/**", "docs/x.md"]}
    tasks = [
        {"id": "HUB", **hub, "outputs": ["docs/x.md"]},
        {"id": "A", **reader, "owns": ["a/**"]},
        {"id": "B", **reader, "owns": ["b/**"], "needs": ["HUB", "HUB"]},
        {"id": "C", "role": "qa", "prompt": "todo", "duration": "1h", "needs": ["B"], "owns": ["c/**"]},
    ]
    do_what_is_said({"feature": "f", "tasks": tasks})


def do_what_is_said(plan: Plan) -> None:
    """Follow the first finding until there is none."""
    found = found_in(plan).shown
    for _ in range(150):
        if not found:
            return
        first, before = found[0], copy.deepcopy(plan)
        FIXES[first.rule.code](plan, first)
        left = found_in(plan).shown
        assert often(first, left) < often(first, found) or first.message not in {one.message for one in left}, before
        found = left
    pytest.fail(f"it never ends: {found[0].message}")


def often(one: LintFinding, found: Sequence[LintFinding]) -> int:
    """How many findings of the rule are about the same tasks: a need that is written three times is told of twice."""
    return sum((one.rule, one.tasks) == (other.rule, other.tasks) for other in found)
