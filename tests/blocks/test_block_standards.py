"""Prefect's own rules for blocks, and what ours open."""

import sqlite3
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import HttpUrl, SecretStr

from plait.blocks import SAVED_BLOCKS, AgentCrew, FeatureRepository, FeatureStore
from plait.blocks.agent_crew import CrewRole, ModelChoice
from plait.plans.errors import CallError
from plait.plans.language.crew import Crew, Role


@pytest.mark.parametrize("block", SAVED_BLOCKS, ids=lambda block: block.__name__)
class TestBlockStandards(BlockStandardTestSuite):
    @pytest.fixture
    def block(self, block: type[Block]) -> type[Block]:
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        """Prefect's own test downloads it."""
        assert HttpUrl(str(block._logo_url)).scheme == "https"

    def test_has_a_slug_of_its_own(self, block: type[Block]) -> None:
        assert str(block._block_type_slug).startswith("plait-")


def test_every_part_of_the_crew_form_is_described() -> None:
    fields = [field for model in (CrewRole, ModelChoice) for field in model.model_fields.values()]
    assert all((field.description or "").endswith(".") for field in fields)


def test_the_form_knows_every_key_of_a_role() -> None:
    assert set(CrewRole.model_fields) == (set(Role.model_fields) - {"copy"}) | {"name", "models", "copied_files"}
    role = CrewRole(name="dev", copied_files=[".env"], environment=["TOKEN"])
    crew = AgentCrew(roles=[role], environment=["ALL"], copied_files=["config/*.local"]).as_crew()
    assert (crew.copy, crew.role("dev").copy) == (("config/*.local",), (".env",))
    assert [variable.name for variable in (*crew.environment, *crew.role("dev").environment)] == ["ALL", "TOKEN"]


def test_a_crew_block_is_the_crew_that_a_file_would_be() -> None:
    block = AgentCrew(
        roles=[
            CrewRole(name="backend", slots=3, backend="claude", timeout="2h", memory="2GiB", priority="high"),
            CrewRole(name="qa", models=ModelChoice(simple="small", complex="large"), sandbox="off", hosts=["pypi.org"]),
            CrewRole(
                name="docs", backend="command", command=["./write.sh", "{task}"], prompt_by="file", submodules="no"
            ),
        ],
        default_backend="codex",
        setup=["npm ci"],
        setup_inputs=["package-lock.json"],
        submodules=True,
        sandbox="required",
    )
    written = {
        "default_backend": "codex",
        "setup": ["npm ci"],
        "setup_inputs": ["package-lock.json"],
        "submodules": True,
        "sandbox": "required",
        "backend": {"slots": 3, "backend": "claude", "timeout": "2h", "memory": "2GiB", "priority": "high"},
        "qa": {
            "slots": 1,
            "model": {"simple": "small", "complex": "large"},
            "sandbox": "off",
            "hosts": ["pypi.org"],
        },
        "docs": {
            "slots": 1,
            "backend": "command",
            "command": ["./write.sh", "{task}"],
            "prompt_by": "file",
            "submodules": False,
        },
    }
    assert block.as_crew() == Crew.model_validate(written)


def test_what_a_crew_block_leaves_empty_is_not_said() -> None:
    role = AgentCrew(roles=[CrewRole(name="qa", slots=2)]).as_crew().roles["qa"]
    assert role.model_fields_set == {"slots"}


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        ([CrewRole(name="qa"), CrewRole(name="qa")], "twice"),
        ([CrewRole(name="no name")], "no name"),
        ([CrewRole(name="qa", timeout="soon")], "timeout"),
        ([CrewRole(name="qa", memory="much")], "memory"),
    ],
)
def test_a_crew_block_that_cannot_be_used_says_why(roles: list[CrewRole], says: str) -> None:
    with pytest.raises(CallError, match=says):
        AgentCrew(roles=roles).as_crew()


def test_a_store_block_opens_a_store_and_hides_its_address(tmp_path: Path) -> None:
    place = tmp_path / "plait.db"
    block = FeatureStore(url=SecretStr(f"sqlite:///{place}"))
    with block.open() as store:
        assert store.place == str(place)
    with sqlite3.connect(place) as connection:
        assert connection.execute("select count(*) from sqlite_master").fetchone()[0] > 0
    assert str(place) not in repr(block)


def test_a_repository_block_refuses_a_place_without_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path / "home"))
    with pytest.raises(CallError):
        FeatureRepository(path=str(tmp_path)).open()


def test_a_repository_block_refuses_the_home_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path))
    with pytest.raises(CallError, match="user that there is not"):
        FeatureRepository(path="~nobody-of-this-name/shop").open()


@pytest.mark.parametrize("block", SAVED_BLOCKS, ids=lambda block: block.__name__)
def test_a_form_has_a_title_for_every_field_and_no_choice_between_kinds(block: type[Block]) -> None:
    schema = block.model_json_schema()
    forms = [schema, *schema.get("definitions", {}).values()]
    fields = [field for form in forms for field in form["properties"].values()]

    assert all("title" in field and not {"anyOf", "oneOf"} & set(field) for field in fields)
    for form in forms:
        assert [field["position"] for field in form["properties"].values()] == list(range(len(form["properties"])))


def test_a_crew_that_an_earlier_version_has_saved_with_nulls_is_read_as_it_was() -> None:
    empty = dict.fromkeys(("backend", "script", "model", "models", "timeout", "tokens", "usd", "submodules"))
    saved = {"roles": [{"name": "qa", "slots": 2, **empty}], "default_backend": None, "quota_wait": None}

    crew = AgentCrew.model_validate(saved).as_crew()

    assert crew.roles["qa"].model_fields_set == {"slots"}
    assert crew.default_backend is None
    answers = {
        answer: CrewRole.model_validate({"name": "qa", "submodules": answer}).written() for answer in (True, False)
    }
    assert [answers[answer]["submodules"] for answer in (True, False)] == [True, False]
