"""Each rule of lint: what it finds, what it leaves alone, and what it says."""

import pytest

from plait.advice.lint.examples import EXAMPLES
from plait.advice.lint.rules import EVERY, MISTAKES, RULES
from tests.advice.linted import VERIFIED, agents, codes, linted, mistakes_in, said

BY_RULE = pytest.mark.parametrize("code", [rule.code for rule in RULES])


@BY_RULE
def test_a_rule_finds_its_bad_example_and_nothing_else_does(code: str) -> None:
    found = linted(EXAMPLES[code].bad).shown
    assert [finding.rule.code for finding in found] == [code]
    assert found[0].line > 0
    assert found[0].column > 0
    assert found[0].hint
    assert not found[0].message.endswith(".")


@BY_RULE
def test_no_rule_finds_anything_in_a_good_example(code: str) -> None:
    assert codes(EXAMPLES[code].good) == []


@pytest.mark.parametrize("code", [rule.code for rule in MISTAKES])
def test_a_mistake_is_found_in_its_bad_example_and_not_in_its_good_one(code: str) -> None:
    assert {problem.code for problem in mistakes_in(EXAMPLES[code].bad)} == {code}
    assert mistakes_in(EXAMPLES[code].good) == ()
    assert codes(EXAMPLES[code].good) == []


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    assert sorted(EXAMPLES) == [rule.code for rule in EVERY]


# Files.


def test_overlaps_are_seen_through_needs() -> None:
    chain = agents("A owns: [src/**]", "B needs: [A], owns: [web/**]", "C needs: [B], owns: [src/a.py]")
    assert codes(chain) == []
    beside = agents("A owns: [src/**]", "B needs: [A], owns: [web/**]", "C owns: [src/a.py]")
    assert said(beside) == ["PLAN103 A and C may both change src/a.py"]


def test_alternatives_keep_nobody_apart_but_what_all_of_them_need_does() -> None:
    plan = agents(
        "ROOT owns: [src/a.py]",
        "A needs: [ROOT], owns: [src/b.py]",
        "B needs: [ROOT], owns: [src/c.py]",
        "END needs: [{any: [A, B]}], owns: [src/a.py, src/b.py]",
    )
    assert said(plan) == ["PLAN103 A and END may both change src/b.py"]


def test_many_tasks_on_one_file_are_told_in_one_finding_for_each() -> None:
    found = said(agents(*(f"T{number} owns: [src/**]" for number in range(30))))
    assert len(found) == 29
    assert found[1] == "PLAN103 T0 and T2 may both change src/**, and likewise T1"
    assert found[-1] == "PLAN103 T0 and T29 may both change src/**, and likewise T1, T2, T3 and 25 more"


def test_of_many_tasks_on_one_file_each_is_told_to_need_the_one_before() -> None:
    found = linted(agents(*(f"T{number} owns: [src/**]" for number in range(3)))).shown
    assert [finding.hint.partition(",")[0] for finding in found] == ["let T1 need T0", "let T2 need T1"]


def test_two_exclusive_locks_are_fine_and_one_is_not() -> None:
    both = agents("A owns: [], locks: [src/x.py]", "B owns: [], locks: [src/x.py]")
    assert codes(both) == []
    one = agents("A owns: [src/**]", "B owns: [], locks: [src/x.py]")
    assert said(one) == ["PLAN103 A and B may both change src/x.py"]
    shared = agents("A owns: [src/**]", "B owns: [web/**], locks: [{path: src/x.py, mode: shared}]")
    assert codes(shared) == []


def test_phases_and_contracts_hold_tasks_apart_too() -> None:
    tasks = agents("A owns: [src/**]", "B owns: [src/**]")
    assert codes(f"phases: [{{id: p, tasks: [A]}}, {{id: q, tasks: [B]}}]\n{tasks}") == []
    needing = agents("A owns: [src/**]", "B needs: [{contract: c}], owns: [src/**]")
    assert codes(f"contracts: [{{id: c, owner: A, files: [src/c.yaml]}}]\n{needing}") == []


def test_commands_need_no_owns_and_no_verify() -> None:
    assert codes("tasks:\n  - {id: A, run: make a}\n  - {id: B, run: make b}\n") == []


# Needs.


def test_a_named_file_is_no_dependency_when_its_maker_comes_before_or_after_or_is_the_task_itself() -> None:
    made = "A owns: [docs/a.md]"
    assert codes(agents(made, "B needs: [A], owns: [src/**], prompt: Read docs/a.md first.")) == []
    assert codes(agents("A owns: [docs/a.md], needs: [B]", "B owns: [src/**], prompt: Do not write docs/a.md.")) == []
    assert (
        codes(agents("A owns: [docs/]", "B owns: [x.md], outputs: [x.md], prompt: Write ./x.md and leave ../docs."))
        == []
    )
    assert codes(agents(made, "B owns: [x/**], needs: [{task: A, kind: information}], prompt: Go by docs/a.md.")) == []
    noted = agents(made, "B owns: [x/**], needs: [{task: A, kind: none}], prompt: Go by docs/a.md.")
    assert codes(noted) == ["PLAN201"]


def test_outputs_contracts_commands_and_folders_are_dependencies_too() -> None:
    output = agents("A owns: [gen/**], outputs: [gen/api/]", "B owns: [src/**], verify: [./check gen/api/x.json]")
    assert said(output) == ["PLAN201 B names gen/api/x.json, which A makes, and does not need A"]
    contract = agents("A owns: [api/**]", "B owns: [src/**], prompt: Follow api/cart.yaml.")
    written = f"contracts: [{{id: c, owner: A, files: [api/cart.yaml], consumers: [Z]}}]\n{contract}"
    written = written.replace(VERIFIED, f"  - {{id: Z, run: make z}}\n{VERIFIED}")
    assert said(written) == ["PLAN201 B names api/cart.yaml, which A makes, and does not need A"]


def test_words_and_addresses_are_no_files() -> None:
    plan = agents(
        "A owns: [docs, example.org/x]", "B owns: [src/**], prompt: Read the docs on https://example.org/x too."
    )
    assert codes(plan) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "Do not touch docs/a.md.",
        "Write it without docs/a.md",
        "You mustn't change docs/a.md",
        "Change all but leave docs/a.md alone",
    ],
)
def test_a_file_that_a_task_must_leave_alone_is_no_dependency(prompt: str) -> None:
    assert codes(agents("A owns: [docs/a.md]", f'B owns: [src/**], prompt: "{prompt}"')) == []


@pytest.mark.parametrize("file", ["README.md", "pyproject.toml", "web/package.json", "requirements-dev.txt"])
def test_a_file_that_every_repository_has_is_made_by_nobody_but_who_puts_it_out(file: str) -> None:
    beside = f"B owns: [src/**], prompt: Set up as {file} says."
    assert codes(agents(f"A owns: [{file}]", beside)) == []
    assert codes(agents(f"A owns: [{file}], outputs: [{file}]", beside)) == ["PLAN201"]


@pytest.mark.parametrize("prompt", ["Do not guess. Go by docs/a.md", "Not this but docs/a.md counts"])
def test_a_file_in_the_next_sentence_is_one(prompt: str) -> None:
    assert codes(agents("A owns: [docs/a.md]", f'B owns: [src/**], prompt: "{prompt}"')) == ["PLAN201"]


def test_a_need_on_a_contract_or_for_information_is_never_useless() -> None:
    tasks = "A owns: [a/**]", "B needs: [{contract: c}], owns: [b/**]", "C needs: [B, {contract: c}], owns: [c/**]"
    assert codes(f"contracts: [{{id: c, owner: A, files: [a/c.yaml]}}]\n{agents(*tasks)}") == []
    told = agents(
        "A owns: [a/**]", "B needs: [A], owns: [b/**]", "C needs: [B, {task: A, kind: information}], owns: [c/**]"
    )
    assert codes(told) == []


def test_an_alternative_that_is_certain_anyway_is_useless() -> None:
    plan = agents("A owns: [a/**]", "B owns: [b/**]", "C needs: [A, {any: [A, B]}], owns: [c/**]")
    assert said(plan) == ["PLAN202 C needs A or B, which its other needs imply"]


# The shape of the whole.


def test_five_agents_at_once_are_fine_and_commands_are_no_agents() -> None:
    crew = "crew: {backend: {slots: 5}, command: {slots: 5}}\n"
    parts = [f"T{number} owns: [src/{number}/**]" for number in range(12)]
    runs = "".join(f"  - {{id: R{number}, run: make {number}}}\n" for number in range(5))
    assert codes(crew + agents(*parts).replace(VERIFIED, runs + VERIFIED)) == []


def test_six_agents_of_one_counted_task_are_too_many() -> None:
    plan = agents("LOOK count: 6, owns: [], changes: optional")
    assert said(f"crew: {{backend: {{slots: 6}}}}\n{plan}") == ["PLAN302 6 agents work at once at the start: LOOK"]


def test_a_hasty_batch_is_told_only_where_several_agents_work() -> None:
    hasty = "integration: {ready: 0.1, verify: [make test]}\n"
    few = agents("A owns: [a/**]", "B owns: [b/**]").replace(VERIFIED, hasty)
    assert codes(few) == []
    many = agents("A owns: [a/**]", "B owns: [b/**]", "C owns: [c/**]").replace(VERIFIED, hasty)
    assert said("crew: {backend: {slots: 3}}\n" + many) == [
        "PLAN303 a batch forms as soon as 1 of 3 agents has finished"
    ]


# Proof and time.


@pytest.mark.parametrize("prompt", ["TODO", "tbd by us", "...", "Fix it", "'<FIXME>'"])
def test_a_prompt_that_says_nothing_is_found(prompt: str) -> None:
    assert codes(agents(f"A owns: [a/**], prompt: {prompt}")) == ["PLAN404"]


@pytest.mark.parametrize("prompt", ["Record cart events.", "Write src/a.py", "Todos get a due date", "写购物车"])
def test_a_short_prompt_that_says_something_is_fine(prompt: str) -> None:
    assert codes(agents(f"A owns: [a/**], prompt: {prompt}")) == []


def test_a_roles_timeout_counts_where_the_task_has_none() -> None:
    crew = "crew: {backend: {timeout: 1h}}\n"
    assert codes(crew + agents("A owns: [a/**], duration: 2h")) == ["PLAN406"]
    assert codes(crew + agents("A owns: [a/**], duration: 2h, timeout: 3h")) == []


def test_a_fallback_and_a_reviewer_are_used_roles() -> None:
    crew = "crew: {backend: {fallback: [spare]}, spare: {}, reader: {}, idle: {}}\n"
    assert said(crew + agents("A owns: [a/**], review: {by: reader}")) == ["PLAN503 no task has the role idle"]


@pytest.mark.parametrize("command", ["true", "':'", "exit 0", "echo done", "'# later'", "'true # make test'"])
def test_a_command_that_always_succeeds_verifies_nothing(command: str) -> None:
    assert codes(agents(f"A owns: [a/**], verify: [{command}]")) == ["PLAN408"]


@pytest.mark.parametrize("command", ["make", "'echo a | grep b'", "'true && make'", "truecolor", "'echo $(make)'"])
def test_a_command_that_can_fail_is_a_proof(command: str) -> None:
    assert codes(agents(f"A owns: [a/**], verify: [{command}]")) == []


def test_a_file_that_a_rule_puts_together_may_have_several_owners() -> None:
    plan = """
tasks:
  - {id: A, role: backend, prompt: a, owns: [a/**, CHANGELOG.md, web/yarn.lock, VERSION], verify: [make]}
  - {id: B, role: backend, prompt: b, owns: [b/**, CHANGELOG.md, web/yarn.lock, VERSION], verify: [make]}
integration: {verify: [make], %s}
"""
    rules = "merge: [changelogs, yarn, {paths: [VERSION], way: ours}]"
    assert [message for message in said(plan % rules) if "may both" in message] == [
        "PLAN103 A and B may both change VERSION"
    ]
    (message,) = [message for message in said(plan % "slots: 1") if "may both" in message]
    assert "CHANGELOG.md" in message


def test_each_cheap_stage_behind_a_dear_one_is_named_and_names_of_ones_own_are_left_alone() -> None:
    task = "A owns: [a/**], verify: {tests: make test, docs: make docs, types: mypy, security: audit, lint: make lint}"
    assert said(agents(task)) == ["PLAN409 A verifies types after tests", "PLAN409 A verifies lint after tests"]
    assert codes(agents("A owns: [a/**], verify: {unit: make test, syntax: make lint}")) == []
    assert codes(agents("A owns: [a/**], verify: [make test, {stage: syntax, run: make lint}]")) == []
