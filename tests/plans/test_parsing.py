"""A plan is read whole or refused with all of its mistakes, each where it stands and in plain words."""

import json
from pathlib import Path

import pytest

from plait.plans.errors import PlanError, Problem
from plait.plans.language.crew import DEFAULT_CREW, merge_crews
from plait.plans.language.durations import Estimate
from plait.plans.language.model import Need, Plan
from plait.plans.language.parsing import check_roles, parse_crew, parse_plan
from plait.plans.language.verify_stages import VerifyStage
from tests.support.effort import effort

CART = (Path(__file__).parent.parent / "data" / "cart.plan.yaml").read_text(encoding="utf-8")


def mistakes(text: str | bytes) -> tuple[Problem, ...]:
    with pytest.raises(PlanError) as caught:
        parse_plan(text, source="p.yaml")
    return caught.value.problems


def test_the_cart_plan_is_read() -> None:
    plan = parse_plan(CART)
    assert (plan.feature, plan.base, len(plan.tasks)) == ("shopping-cart", "main", 6)
    design, api, page, events, _, integration = plan.tasks
    assert design.owns == ("docs/cart.md", "contracts/**", "mocks/**", "tests/contract/**")
    assert (design.priority, design.complexity, design.duration) == (2, "complex", Estimate(7200, 7200, 7200))
    assert api.duration == Estimate(14_400, 21_600, 36_000)
    assert (api.needs, api.timeout, api.retries) == ((Need(contract="cart-api"),), 28_800, 2)
    assert page.needs[1] == Need(task="TASK-001", kind="information")
    assert (events.locks[0].path, events.locks[0].mode) == ("src/events.py", "exclusive")
    assert [need.task for need in integration.needs] == ["TASK-002", "TASK-003", "TASK-004", "TASK-005"]
    assert (integration.changes_required, api.changes_required) == (False, True)
    assert (plan.crew.default_backend, plan.crew.roles["backend"].slots) == ("claude", 2)
    assert plan.crew.roles["qa"].model_for("complex") == "opus"
    assert (plan.integration.wait, plan.integration.land, plan.integration.slots) == (600, "approve", 2)
    assert check_roles(plan, merge_crews(plan.crew, DEFAULT_CREW), text=CART) == ()


def test_a_budget_limits_a_run_and_a_day() -> None:
    budget = parse_plan(CART).budget
    assert budget is not None
    assert (budget.usd, budget.tokens, budget.time, budget.day) == (20, 4_000_000, 43_200, None)
    day = parse_plan(CART.partition("\nbudget:")[0] + "\nbudget: {day: {usd: 50}}").budget
    assert day is not None
    assert day.day is not None
    assert (day.day.usd, day.day.tokens) == (50, None)


def test_json_is_accepted_and_a_plan_survives_the_way_through_json() -> None:
    plan = parse_plan(CART)
    assert parse_plan(plan.model_dump_json()) == plan
    assert Plan.model_validate(plan.model_dump()) == plan
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert json.loads(plan.model_dump_json())["integration"]["wait"] == "10m"


HEAD = "feature: f\ntasks:\n"
FINE = "  - {id: a, role: qa, prompt: p}\n"
WITH_TASK = HEAD + FINE


def task(keys: str) -> str:
    return f"{HEAD}  - {{id: a, run: x, {keys}}}\n"


@pytest.mark.parametrize(
    ("marked", "path", "message", "hint"),
    [
        ("§feature: f", "", "tasks is missing", ""),
        ("§tasks: []", "", "feature is missing", "shopping-cart"),
        ("feature: f\ntasks: §[]", "tasks", "is empty", ""),
        ("feature: f\ntasks:§", "tasks", "must be a list, not nothing", ""),
        ("§[a]", "", "a plan is a mapping", ""),
        ("feature: f\n§feature: g\ntasks: [{id: a, run: x}]", "feature", "given twice", "line 1"),
        (HEAD + "  - {id: a, role: qa, §promt: p}", "tasks[0].promt", "unknown key", "'prompt'"),
        (task("§depends_on: [b]"), "tasks[0].depends_on", "unknown key", "'needs'"),
        (HEAD + "  - §{role: qa, prompt: p}", "tasks[0]", "id is missing", ""),
        (HEAD + "  - {id: §a b, run: x}", "tasks[0].id", "is not a name", ""),
        (HEAD + "  - {id: §a.1, run: x}", "tasks[0].id", "is not a name", ""),
        (HEAD + "  - §{id: a, role: qa}", "tasks[0]", "exactly one of prompt, run and branch", ""),
        (HEAD + "  - §{id: a, role: qa, prompt: p, run: x}", "tasks[0]", "exactly one of prompt, run and branch", ""),
        (HEAD + "  - §{id: a, branch: b, run: x}", "tasks[0]", "exactly one of prompt, run and branch", ""),
        (HEAD + "  - {id: a, branch: §'a..b'}", "tasks[0].branch", "a range or a revision", ""),
        (HEAD + "  - {id: a, branch: §-x}", "tasks[0].branch", "would be read as an option", ""),
        (HEAD + "  - {id: a, branch: §refs/}", "tasks[0].branch", "is empty", ""),
        (HEAD + "  - {id: a, run: §''}", "tasks[0].run", "is empty", ""),
        (HEAD + "  - §just text", "tasks[0]", "must be a mapping of keys, not 'just text'", ""),
        (task("needs: §b"), "tasks[0].needs", "must be a list, not 'b'", "[b]"),
        (task("verify: §'x: y'"), "tasks[0].verify", "must be a list", "as a list"),
        (task("verify: [{run: x, §timout: 1m}]"), "tasks[0].verify[0].timout", "unknown key", "'timeout'"),
        (task("verify: [§{stage: tests}]"), "tasks[0].verify[0]", "exactly one of run and preset", ""),
        (task("verify: [§{run: x, preset: go}]"), "tasks[0].verify[0]", "exactly one of run and preset", ""),
        (task("verify: [§{preset: go, timeout: 1m}]"), "tasks[0].verify[0]", "says all by itself: drop timeout", ""),
        (task("verify: [{preset: §pyton}]"), "tasks[0].verify[0].preset", "must be auto, python", "'python'"),
        (task("verify: [{run: x, stage: §a b}]"), "tasks[0].verify[0].stage", "is not a name", ""),
        (task("verify: [{run: x, cache: [§'.*cache']}]"), "tasks[0].verify[0].cache[0]", "one path, without", ""),
        (task("verify: [{run: x, cache: [§.git/x]}]"), "tasks[0].verify[0].cache[0]", "git's own", ""),
        (task("verify: [{run: x, junit: §../x}]"), "tasks[0].verify[0].junit", "leaves the repository", ""),
        (task("verify: [{run: x, memory: §much}]"), "tasks[0].verify[0].memory", "not a size", ""),
        (task("verify: [{run: x, timeout: §0s}]"), "tasks[0].verify[0].timeout", "longer than nothing", ""),
        (task("verify: §{a b: make}"), "tasks[0].verify", "is not a name", ""),
        (task("criteria: [§a: b]"), "tasks[0].criteria[0]", "must be text", "quote"),
        (WITH_TASK + "crew: {qa: {pause_on: [§'a(b']}}", "crew.qa.pause_on[0]", "is no regular expression", ""),
        (WITH_TASK + "crew: {qa: {pause_on: §x}}", "crew.qa.pause_on", "must be a list", "[x]"),
        (WITH_TASK + "crew: {qa: {account: §a b}}", "crew.qa.account", "is not a name", ""),
        (WITH_TASK + "crew: {qa: {mcp: {§plait: [x]}}}", "crew.qa.mcp.plait", "plait's own server", ""),
        (WITH_TASK + "crew: {qa: {mcp: {docs: §npx}}}", "crew.qa.mcp.docs", "is not an address", ""),
        (WITH_TASK + "crew: {qa: {mcp: {docs: {url: §'http://u:p@h/'}}}}", "crew.qa.mcp.docs.url", "or password", ""),
        (WITH_TASK + "crew: {qa: {mcp: {docs: §{}}}}", "crew.qa.mcp.docs", "exactly one of command and url", ""),
        (
            WITH_TASK + "crew: {qa: {mcp: {d: {url: 'http://h', headers: {Authorization: §x}}}}}",
            "crew.qa.mcp.d.headers.Authorization",
            "is a secret, by its name",
            "in a crew file",
        ),
        (WITH_TASK + "crew: {quota_wait: §6}", "crew.quota_wait", "has no unit", ""),
        (task("retries: §two"), "tasks[0].retries", "must be a whole number, not 'two'", ""),
        (task("retries: §-1"), "tasks[0].retries", "must be at least 0, not '-1'", ""),
        (task("retries: §2.5"), "tasks[0].retries", "must be a whole number", ""),
        (task("retries: §null"), "tasks[0].retries", "must be a whole number, not nothing", ""),
        (task("count: §" + "9" * 5000), "tasks[0].count", "must be a whole number", ""),
        (task("duration: §90"), "tasks[0].duration", "'90' has no unit", ""),
        (task("bundle: §maybe"), "tasks[0].bundle", "true or false", ""),
        (task("duration: §{likely: 1h}"), "tasks[0].duration", "optimistic is missing", ""),
        (task("duration: §[1h]"), "tasks[0].duration", "must be a duration", ""),
        (task("duration: {§likly: 1h}"), "tasks[0].duration.likly", "unknown key", "'likely'"),
        (task("timeout: §0s"), "tasks[0].timeout", "longer than nothing", ""),
        (task("priority: §hgih"), "tasks[0].priority", "must be critical", ""),
        (task("complexity: §easy"), "tasks[0].complexity", "simple, moderate or complex", ""),
        (task("changes: §reqired"), "tasks[0].changes", "required or optional", "'required'"),
        (task("owns: [§../x]"), "tasks[0].owns[0]", "leaves the repository", ""),
        (task("owns: [§.GIT/hooks]"), "tasks[0].owns[0]", "git's own", ""),
        (task("locks: [{path: y, mode: §mine}]"), "tasks[0].locks[0].mode", "exclusive or shared", ""),
        (task("locks: [§/etc]"), "tasks[0].locks[0]", "repository's root", ""),
        (task('title: §"a\\nSigned-off-by: b"'), "tasks[0].title", "must be one line", ""),
        (task("title: §a\u202eb"), "tasks[0].title", "must be one line", ""),
        (task("needs: [§b]"), "tasks[0].needs[0]", "unknown task 'b'", ""),
        (WITH_TASK + "  - {id: task-2, run: x, needs: [§tsk-2]}", "tasks[1].needs[0]", "unknown task", "'task-2'"),
        (task("needs: [{task: §q}]"), "tasks[0].needs[0].task", "unknown task 'q'", ""),
        (task("needs: [{any: [§q]}]"), "tasks[0].needs[0].any[0]", "unknown task 'q'", ""),
        (task("needs: [{any: §[]}]"), "tasks[0].needs[0].any", "is empty", ""),
        (task("needs: [§{}]"), "tasks[0].needs[0]", "exactly one of task, contract and any", ""),
        (task("needs: [§{any: [a], kind: information}]"), "tasks[0].needs[0]", "for information", ""),
        (task("needs: [§{any: [a], kind: none}]"), "tasks[0].needs[0]", "of kind none", ""),
        (task("needs: [{task: a, kind: §contract}]"), "tasks[0].needs[0].kind", "information or none", "contract: ID"),
        (task("needs: [{task: a, kind: §hrad}]"), "tasks[0].needs[0].kind", "must be hard, information", "'hard'"),
        (task("needs: [{task: §q, kind: none}]"), "tasks[0].needs[0].task", "unknown task 'q'", ""),
        (task("needs: [{contract: §c}]"), "tasks[0].needs[0].contract", "unknown contract", ""),
        (task("needs: [§a]"), "tasks[0].needs[0]", "a -> a", ""),
        (task("uses: {§db: 1}"), "tasks[0].uses.db", "unknown resource", "resources: {db: 1}"),
        (WITH_TASK + "  - {id: §a, run: x}", "tasks[1].id", "already the id of tasks[0]", ""),
        (WITH_TASK + "  - {id: §A, run: x}", "tasks[1].id", "only their case differs", ""),
        (WITH_TASK + "  - {id: b, run: x, needs: [§a.1]}", "tasks[1].needs[0]", "unknown task 'a.1'", "all of its"),
        (WITH_TASK + "resources: {db: §0}", "resources.db", "at least 1", ""),
        (WITH_TASK + "contracts: [{id: c, owner: §b}]", "contracts[0].owner", "unknown task 'b'", ""),
        (WITH_TASK + "contracts: [{id: c, consumers: [§b]}]", "contracts[0].consumers[0]", "unknown task", ""),
        (WITH_TASK + "phases: [{id: c, tasks: [§b]}]", "phases[0].tasks[0]", "unknown task 'b'", ""),
        (WITH_TASK + "phases: [{id: c, tasks: [a]}, {id: d, tasks: [§a]}]", "phases[1].tasks[0]", "in the phase c", ""),
        (WITH_TASK + "integration: {ready: §80%}", "integration.ready", "must be a number, not '80%'", ""),
        (WITH_TASK + "integration: {ready: §1e400}", "integration.ready", "must be a number", ""),
        (WITH_TASK + "integration: {ready: §.nan}", "integration.ready", "must be a number", ""),
        (WITH_TASK + "integration: {author: §Ada}", "integration.author", "must be a name and an address", ""),
        (WITH_TASK + "integration: {author: §Ada. <a@b>}", "integration.author", "where git drops it", ""),
        (WITH_TASK + "integration: {sign: §maybe}", "integration.sign", "", ""),
        (WITH_TASK + "integration: {land: §no}", "integration.land", "never, approve or auto", ""),
        (WITH_TASK + "integration: {land_by: §rebase}", "integration.land_by", "fast-forward, merge or squash", ""),
        (WITH_TASK + "integration: {push: §yes}", "integration.push", "none, integration or all", ""),
        (WITH_TASK + "base: §--upload-pack=x", "base", "read as an option", ""),
        (WITH_TASK + "base: §a..b", "base", "a range or a revision", ""),
        (WITH_TASK + "crew: {qa: {§slot: 2}}", "crew.qa.slot", "unknown key", "'slots'"),
        (WITH_TASK + "crew: {qa: {slots: §0}}", "crew.qa.slots", "at least 1", ""),
        (WITH_TASK + "crew: {qa: {slots: §257}}", "crew.qa.slots", "at most 256", ""),
        (WITH_TASK + "crew: {defualt_backend: §x}", "crew.defualt_backend", "must be a mapping", "default_backend"),
        (WITH_TASK + "crew: {§'q a': {}}", "crew.'q a'", "is not a name", ""),
        (WITH_TASK + "crew: {qa: {model: {§easy: x}}}", "crew.qa.model.easy", "simple, moderate or complex", ""),
        (WITH_TASK + "crew: {qa: {model: §[x]}}", "crew.qa.model", "must be text, not a list", ""),
        (WITH_TASK + "crew: {qa: {command: §codex exec}}", "crew.qa.command", "must be a list", "[codex exec]"),
        (WITH_TASK + "crew: {qa: {environment: [§A=B]}}", "crew.qa.environment[0]", "environment variable", ""),
        (WITH_TASK + "crew: {qa: {backend: §comand}}", "crew.qa.backend", "not 'comand'", "'command'"),
        (WITH_TASK + "crew: {qa: {backend: §telepathy}}", "crew.qa.backend", "must be command, scripted, claude", ""),
        (WITH_TASK + "crew: {default_backend: §cluade}", "crew.default_backend", "not 'cluade'", "'claude'"),
        (WITH_TASK + "crew: {qa: {memory: §lots}}", "crew.qa.memory", "is not a size", ""),
        (WITH_TASK + "§agents: 3", "agents", "unknown key 'agents'", "'crew'"),
        (WITH_TASK + "§land: auto", "land", "unknown key 'land'", "land stands below integration"),
        (
            WITH_TASK + "§copy: [.env]",
            "copy",
            "unknown key",
            "copy stands in a task, in a role of the crew or in the crew",
        ),
        (task("§base: main"), "tasks[0].base", "unknown key", "base stands at the top of the plan"),
        (WITH_TASK + "budget: §{}", "budget", "limits nothing", ""),
        (WITH_TASK + "budget: {usd: §0}", "budget.usd", "more than 0", ""),
        (WITH_TASK + "budget: {time: §90}", "budget.time", "has no unit", ""),
        (WITH_TASK + "budget: {§money: 3}", "budget.money", "unknown key", ""),
        (WITH_TASK + "budget: {day: §{}}", "budget.day", "limits nothing", ""),
        (WITH_TASK + "budget: {day: {§time: 2h}}", "budget.day.time", "unknown key", "time stands below budget"),
        (WITH_TASK + "goal: §&x y", "goal", "anchor", ""),
        (WITH_TASK + "goal:§", "goal", "is empty", "in a sentence"),
        (WITH_TASK + "goal: §'  '", "goal", "is empty", "drop the key"),
        (WITH_TASK + "goal: §null", "goal", "must be text, not nothing", ""),
        ("feature: §' '\ntasks: [{id: a, run: x}]", "feature", "is not a name", ""),
        (HEAD + "  - {id: §'', run: x}", "tasks[0].id", "is empty", ""),
        (HEAD + "  - {id: §' ', run: x}", "tasks[0].id", "is not a name", ""),
        (HEAD + "  - {id: a, role: qa, prompt: §' '}", "tasks[0].prompt", "is empty", ""),
        (task("title: §' '"), "tasks[0].title", "is empty", ""),
        (task("verify: [make, §' ']"), "tasks[0].verify[1]", "is empty", ""),
        (task("criteria: [§'']"), "tasks[0].criteria[0]", "is empty", ""),
        (task("tags: [§'']"), "tasks[0].tags[0]", "is empty", ""),
        (task("owns: [§' ']"), "tasks[0].owns[0]", "is blank", ""),
        (task("outputs: [§'']"), "tasks[0].outputs[0]", "is empty", ""),
        (task("needs: [§' ']"), "tasks[0].needs[0]", "is empty", "name a task"),
        (task("setup: [§'']"), "tasks[0].setup[0]", "is empty", ""),
        (WITH_TASK + "contracts: [{id: c, tests: [§' ']}]", "contracts[0].tests[0]", "is empty", ""),
        (WITH_TASK + "integration: {verify: [§'']}", "integration.verify[0]", "is empty", ""),
        (WITH_TASK + "integration:§", "integration", "must be a mapping of keys, not nothing", "drop the key"),
        (WITH_TASK + "integration: {merge: [§npn]}", "integration.merge[0]", "'npn' is not the name of a rule", ""),
        (WITH_TASK + "integration: {merge: [§{paths: [a]}]}", "integration.merge[0]", "exactly one of way and", ""),
        (WITH_TASK + "integration: {merge: [§{way: ours}]}", "integration.merge[0]", "one of presets and paths", ""),
        (WITH_TASK + "integration: {merge: [§{presets: [npm], way: ours}]}", "integration.merge[0]", "own way", ""),
        (WITH_TASK + "integration: {merge: [§{paths: [a], way: ours, key: k}]}", "integration.merge[0]", "union", ""),
        (
            WITH_TASK + "integration: {merge: [{paths: [§/a], way: ours}]}",
            "integration.merge[0].paths[0]",
            "must begin at",
            "",
        ),
        (HEAD + "  - id: a\n    run: x\n    needs:§\n", "tasks[0].needs", "must be a list, not nothing", "fill it in"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(marked: str, path: str, message: str, hint: str) -> None:
    """`§` marks the place."""
    before = marked.partition("§")[0]
    found = mistakes(marked.replace("§", ""))
    fitting = [problem for problem in found if message in problem.message]
    assert fitting, found
    place = (before.count("\n") + 1, len(before) - before.rfind("\n"), path)
    assert (fitting[0].line, fitting[0].column, fitting[0].path) == place
    assert hint in (fitting[0].hint or "")


def test_a_file_of_comments_is_empty() -> None:
    assert mistakes("# nothing yet\n") == (Problem("is empty"),)


def test_all_mistakes_are_shown_at_once_in_order_of_place() -> None:
    text = """\
feature: my feature
tasks:
  - {id: a, role: qa, prompt: p, needs: [c], retries: x}
  - {id: b, role: qa, needs: [c, d], duration: long}
  - {id: c, role: qa, prompt: p, needs: [e]}
  - {id: e, role: qa, prompt: p, needs: [c]}
resources: [x]
"""
    found = mistakes(text)
    assert [(problem.line, problem.path) for problem in found] == [
        (1, "feature"),
        (3, "tasks[0].retries"),
        (4, "tasks[1]"),
        (4, "tasks[1].needs[1]"),
        (4, "tasks[1].duration"),
        (5, "tasks[2].needs[0]"),
        (7, "resources"),
    ]
    assert "c -> e -> c" in found[5].message


def test_circles_are_shown_as_paths_once_each() -> None:
    text = """\
feature: f
contracts: [{id: api, owner: z}]
tasks:
  - {id: a, run: x, needs: [b]}
  - {id: b, run: x, needs: [{any: [c, d]}]}
  - {id: c, run: x, needs: [a]}
  - {id: d, run: x}
  - {id: behind, run: x, needs: [a]}
  - {id: y, run: x, needs: [{contract: api}]}
  - {id: z, run: x, needs: [{task: y, kind: information}]}
"""
    found = [problem.message for problem in mistakes(text)]
    assert len(found) == 2
    assert "a -> b -> c -> a" in found[0]
    assert "y -> z -> y" in found[1]


def test_needs_of_kind_none_go_in_no_circle() -> None:
    text = HEAD + "  - {id: a, run: x, needs: [{task: b, kind: none}]}\n  - {id: b, run: x, needs: [a]}\n"
    assert [need.is_note for task in parse_plan(text).tasks for need in task.needs] == [True, False]


def test_a_mistake_that_follows_from_a_refused_value_is_not_shown() -> None:
    assert [problem.line for problem in mistakes("feature: f\ntasks: *all\n")] == [2]


def test_a_choice_cannot_be_a_counted_task() -> None:
    (problem,) = mistakes(HEAD + FINE + "  - {id: b, run: x, count: 3}\n  - {id: c, run: x, needs: [{any: [a, b]}]}\n")
    assert problem.path == "tasks[2].needs[0].any[1]"
    assert "has a count" in problem.message


def test_a_task_that_could_never_get_its_resources_is_refused() -> None:
    (problem,) = mistakes(HEAD + "  - {id: a, run: x, uses: {db: 3}}\nresources: {db: 2}\n")
    assert "could never start" in problem.message


def test_counts_are_bounded_in_all() -> None:
    tasks = "".join(f"  - {{id: t{number}, run: x, count: 1000}}\n" for number in range(11))
    assert "more than 10,000 tasks" in mistakes(HEAD + tasks)[0].message


def test_a_plan_of_nothing_but_mistakes_ends_after_a_hundred() -> None:
    tasks = "".join(f"  - {{id: t{number}, run: x, needs: [u{number}], bogus: 1}}\n" for number in range(1500))
    with effort(most=5_000_000):
        found = mistakes(HEAD + tasks)
    assert len(found) == 101
    assert "more mistakes" in found[-1].message


def test_roles_are_checked_once_somebody_has_said_who_the_crew_is() -> None:
    text = HEAD + "  - {id: a, role: bakend, prompt: p, review: {by: qaa}}\n"
    plan = parse_plan(text)
    assert check_roles(plan, merge_crews(plan.crew), text=text) == ()
    given_crew = parse_crew("backend: {slots: 2}\nqa:\n")
    role, reviewer = check_roles(plan, merge_crews(plan.crew, given_crew), text=text)
    assert (role.line, role.column, role.path, role.hint) == (3, 19, "tasks[0].role", "did you mean 'backend'?")
    assert (reviewer.path, reviewer.line) == ("tasks[0].review.by", 3)
    assert check_roles(plan, merge_crews(plan.crew, given_crew))[0].path == "tasks[0].role"


def test_roles_of_the_plan_are_enough_to_check_against() -> None:
    text = "feature: f\ncrew:\n  builder: {fallback: [buildr]}\ntasks:\n  - {id: a, role: buidler, prompt: p}\n"
    plan = parse_plan(text)
    found = check_roles(plan, merge_crews(plan.crew), text=text)
    assert [(problem.path, problem.line) for problem in found] == [
        ("crew.builder.fallback[0]", 3),
        ("tasks[0].role", 5),
    ]


def test_a_crew_file_is_read_and_refused_like_a_plan() -> None:
    crew = parse_crew("default_backend: scripted\nbackend:\nqa: {slots: 3, stall: 10m, memory: 2GiB}\n")
    assert crew.roles["backend"].slots == 1
    assert (crew.roles["qa"].stall, crew.roles["qa"].memory) == (600, 2**31)
    with pytest.raises(PlanError) as caught:
        parse_crew("qa: {slots: many, fallback: [bckend]}\n", source="crew.yaml")
    assert str(caught.value) == "crew.yaml:1:13: qa.slots: must be a whole number, not 'many'"
    with pytest.raises(PlanError) as caught:
        parse_crew("qa: {fallback: [bckend]}\n", source="crew.yaml")
    assert str(caught.value) == ("crew.yaml:1:17: qa.fallback[0]: unknown role 'bckend' (did you mean 'backend'?)")


def test_a_plan_of_a_hundred_tasks_is_read_with_little_effort() -> None:
    line = "  - {{id: T{0}, role: qa, prompt: do it, needs: [{1}], owns: [src/m{0}/], duration: 2h, verify: [make]}}\n"
    tasks = "".join(line.format(number, f"T{number - 1}" if number else "") for number in range(100))
    with effort(most=200_000):
        assert len(parse_plan(HEAD + tasks).tasks) == 100


def test_stages_are_written_as_a_list_alone_or_by_name() -> None:
    stages = {
        "syntax": VerifyStage(stage="syntax", run=("ruff check .",)),
        "tests": VerifyStage(stage="tests", run=("a", "b")),
    }
    for verify in (
        "[{stage: syntax, run: ruff check .}, {stage: tests, run: [a, b]}]",
        "{syntax: ruff check ., tests: [a, b]}",
        "{syntax: {run: [ruff check .]}, tests: {run: [a, b]}}",
    ):
        assert parse_plan(WITH_TASK + f"integration: {{verify: {verify}}}").integration.verify == tuple(stages.values())
    alone = parse_plan(WITH_TASK + "integration: {verify: {preset: go}}").integration.verify
    assert alone == (VerifyStage(preset="go"),)


def test_a_plan_with_stages_survives_the_way_through_json() -> None:
    stage = "{stage: t, run: x, timeout: 5m, memory: 2GiB, paths: [src/], cache: [target], junit: r.xml}"
    plan = parse_plan(WITH_TASK + f"integration: {{verify: [make, {stage}, {{preset: auto}}]}}")
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
    assert Plan.model_validate(plan.model_dump()) == plan
