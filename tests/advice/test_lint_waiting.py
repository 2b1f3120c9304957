"""False parallelism: what a contract would free, by how much, and what no contract can free."""

import pytest

from tests.advice.linted import agents, codes, linted

FAN = (
    "API duration: 4h, owns: [api/**]",
    "PAGE duration: 4h, needs: [API], owns: [web/**]",
    "APP duration: 4h, needs: [API], owns: [app/**]",
    "TEST duration: 2h, needs: [PAGE, APP], owns: [tests/**]",
)


def test_the_hours_that_a_contract_saves_go_by_the_slots() -> None:
    alone = linted(agents(*FAN)).shown
    assert [finding.message for finding in alone] == [
        "3 tasks wait for API; a contract for what they need of it would save 2 h"
    ]
    assert "let PAGE and APP need it instead of API" in alone[0].hint
    wide = linted("crew: {backend: {slots: 3}}\n" + agents(*FAN)).shown
    assert wide[0].message.endswith("would save 3.5 h")


def test_a_chain_and_a_task_that_few_wait_for_are_not_false_parallelism() -> None:
    chain = agents(
        "A duration: 4h, owns: [a/**]",
        *(f"{two} duration: 4h, needs: [{one}], owns: [{two}/**]" for one, two in ("AB", "BC", "CD")),
    )
    assert codes(chain) == []
    few = agents(
        "A duration: 4h, owns: [a/**]",
        "B duration: 4h, needs: [A], owns: [b/**]",
        *(f"C{n} duration: 1h, owns: [c/{n}/**]" for n in range(3)),
    )
    assert codes(few) == []


@pytest.mark.parametrize(
    "hub",
    [
        "TEST-ALL duration: 4h, owns: [src/all.py]",
        "HUB title: Put it together, duration: 4h, owns: [src/**]",
        "HUB title: Upgrade the framework, duration: 4h, owns: [src/settings.py]",
        "SCAFFOLD duration: 4h, owns: [src/**]",
        "HUB duration: 4h, owns: [tests/**, docs/hub.md]",
        "HUB duration: 4h, owns: [pyproject.toml, src/hub.py]",
        "HUB duration: 4h, owns: [], changes: optional",
        "HUB owns: [api/**]",
    ],
)
def test_what_has_no_interface_to_promise_is_no_false_parallelism(hub: str) -> None:
    """Tests, integration, ground work, texts, what changes nothing, and what nobody said takes long."""
    name = hub.partition(" ")[0]
    rest = [line.replace("[API]", f"[{name}]") for line in FAN[1:]]
    assert [code for code in codes(agents(hub, *rest)) if code == "PLAN301"] == []


def test_a_task_that_goes_on_with_the_files_or_looks_at_the_whole_is_not_freed() -> None:
    more = "REST duration: 4h, needs: [API], owns: [api/rest.py]", "E2E duration: 1h, needs: [API], owns: [e2e/**]"
    (found,) = [
        one for one in linted("crew: {backend: {slots: 5}}\n" + agents(*FAN, *more)).shown if one.rule.code == "PLAN301"
    ]
    assert "let PAGE and APP need it instead of API" in found.hint


def test_a_task_that_names_a_file_of_the_hub_is_not_freed() -> None:
    hub = "API duration: 4h, owns: [api/**, api.json], outputs: [api.json]"
    reads = "FORM duration: 4h, needs: [API], owns: [form/**], prompt: Build the form of api.json."
    (found,) = linted("crew: {backend: {slots: 5}}\n" + agents(hub, *FAN[1:], reads)).shown
    assert "let PAGE and APP need it instead of API" in found.hint


def test_the_contract_that_is_proposed_has_a_name_that_no_other_has() -> None:
    taken = "contracts: [{id: api-contract, owner: API}, {id: api-contract-2, owner: API}]\n"
    found = [one for one in linted(taken + agents(*FAN)).shown if one.rule.code == "PLAN301"]
    assert ["{contract: api-contract-3}" in one.hint for one in found] == [True]


def test_a_contract_that_saves_less_than_a_tenth_is_not_worth_a_word() -> None:
    """Of eight tasks with one agent only the first has anything to wait for."""
    many = [f"P{number} duration: 4h, needs: [API], owns: [p/{number}/**]" for number in range(8)]
    assert codes(agents(FAN[0], *many)) == []
