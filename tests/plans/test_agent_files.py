"""Agent files of Claude Code as roles: what of them is taken, what is told, which of several counts."""

import string
from contextlib import suppress
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.specs.agent_files import AgentFile, Origin, read_agent_file
from plait.plans.specs.found_agents import AgentText, gather

PLACE = ".claude/agents/sql.md"


def agent_of(text: str, origin: Origin = "repository") -> AgentFile:
    agent = read_agent_file(text.encode(), place=PLACE, origin=origin)
    assert agent is not None
    return agent


def trouble_of(text: str | bytes) -> str:
    with pytest.raises(PlanError) as mistakes:
        read_agent_file(text if isinstance(text, bytes) else text.encode(), place=PLACE, origin="repository")
    return str(mistakes.value)


def test_an_agent_file_becomes_a_role_with_what_it_says_and_nothing_else() -> None:
    agent = agent_of(
        "---\nname: reviewer-of-sql\ndescription: Reads SQL.\ntools: Read, Grep, Bash(git log, git show)\n"
        "disallowedTools: [Write]\nmodel: opus\nmaxTurns: 12\n---\n\nYou read SQL.\n\nBe strict.\n"
    )

    assert agent.name == "reviewer-of-sql"
    assert agent.line == 2
    assert agent.role.model_dump(exclude_unset=True) == {
        "description": "Reads SQL.",
        "tools": ("Read", "Grep", "Bash(git log, git show)"),
        "denied_tools": ("Write",),
        "model": "opus",
        "turns": 12,
        "instructions": "You read SQL.\n\nBe strict.",
    }
    assert agent.notes == ()


def test_a_description_with_a_colon_that_nobody_quoted_is_taken_as_it_stands() -> None:
    text = (
        "---\nname: a\ndescription: Use this: it's for SQL.\\n\\n<example>user: hi</example> # not a comment\n---\nx\n"
    )
    assert agent_of(text).role.description == "Use this: it's for SQL.\n\n<example>user: hi</example> # not a comment"


@pytest.mark.parametrize("written", ["model: inherit", "tools: '*'", "tools:", ""])
def test_what_leaves_it_to_the_program_says_nothing(written: str) -> None:
    assert agent_of(f"---\nname: a\n{written}\n---\n").role.model_fields_set == set()


def test_no_tools_are_another_thing_than_no_word_about_tools() -> None:
    assert agent_of("---\nname: a\ntools: []\n---\n").role.tools == ()
    assert agent_of("---\nname: a\n---\n").role.tools is None


SERVERS = """---
name: a
mcpServers:
  - github
  - db: {type: stdio, command: npx, args: [-y, db], env: {MODE: ro, DB_TOKEN: "${DB_TOKEN}"}}
  - docs: {type: http, url: "https://example.com/mcp", headers: {X-Team: plait}}
---
"""


def test_servers_are_taken_and_a_file_of_the_repository_gets_nothing_of_the_shell() -> None:
    agent = agent_of(SERVERS)
    assert agent.servers == ("github",)
    assert agent.role.mcp["db"].command == ("npx", "-y", "db")
    assert [variable.name for variable in agent.role.mcp["db"].environment] == ["MODE"]
    assert agent.role.mcp["docs"].headers == {"X-Team": "plait"}
    assert agent.starts_programs
    assert agent.notes == (
        "its server db gets no DB_TOKEN: a value of the shell is only given by the role's `mcp` in a crew",
    )


def test_the_users_own_file_may_name_variables_of_the_shell() -> None:
    agent = agent_of(SERVERS, origin="user")
    assert [(variable.name, variable.value) for variable in agent.role.mcp["db"].environment] == [
        ("MODE", "ro"),
        ("DB_TOKEN", None),
    ]
    assert agent.notes == ()


def test_what_is_not_carried_out_is_told_and_never_run() -> None:
    agent = agent_of(
        "---\nname: a\nhooks: {PreToolUse: [{hooks: [{command: rm -rf /}]}]}\npermissionMode: plan\ncolor: red\n"
        "wat: 1\n---\n"
    )
    assert [note.split(":")[0] for note in agent.notes] == [
        "its hooks is passed over",
        "its permissionMode is passed over",
        "passed over, as nobody knows them",
    ]


def test_a_readme_beside_agents_is_no_agent() -> None:
    assert read_agent_file(b"# Our agents\n", place=PLACE, origin="repository") is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\ndescription: x\n---\n", "has no name"),
        ("---\nname: ../../etc/passwd\n---\n", "cannot be a role's name"),
        ("---\nname: 'a\u202eb'\n---\n", "cannot be a role's name"),
        ("---\nname: x\n", "has no end"),
        ("---\nname: x\nmodel: sonet\n---\n", "none that claude knows: did you mean 'sonnet'?"),
        ("---\nname: x\nmaxTurns: -1\n---\n", "is a number from 1 on"),
        ("---\nname: x\ntools: {a: b}\n---\n", "is a list of names"),
        ("---\nname: x\nmcpServers: {plait: {command: x}}\n---\n", "plait's own server"),
        ("---\nname: x\nmcpServers: {s: {command: x, args: y}}\n---\n", "neither a url nor a command"),
        ("---\nname: &a x\ndescription: *a\n---\n", "anchor"),
        ("---\nname: x\nname: y\n---\n", "twice"),
        ("---\nname: x\n---\nbad \x07 bell\n", "control character"),
        ("---\nname: x\n---\n" + "x" * 100_001, "100000"),
        (b"---\nname: x\n---\n\xff\n", "is not UTF-8"),
        (b"---\n" + b"x" * 300_000, "is larger than 256 KiB"),
        ("---\n" + "[" * 5000 + "\n---\n", "nested"),
    ],
)
def test_a_file_that_cannot_be_an_agent_says_why(text: str | bytes, says: str) -> None:
    assert says in trouble_of(text)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"---\nname: x\n{text}\n---\n".encode()))
def test_no_content_breaks_the_reader(content: bytes) -> None:
    with suppress(PlanError):
        read_agent_file(content, place=PLACE, origin="repository")


def text_at(folder: str, file: str, name: str) -> AgentText:
    place = f"{folder}/.claude/agents/{file}" if folder else f".claude/agents/{file}"
    return AgentText(place, folder, f"---\nname: {name}\n---\nFrom {folder or 'the top'}.\n".encode())


def test_the_nearest_agent_of_a_name_counts() -> None:
    texts = [text_at(folder, "r.md", "r") for folder in ("", "~", "packages/web", "packages")]

    assert gather(texts, near="packages/web/src").agents["r"].role.instructions == "From packages/web."
    assert gather(texts, near="packages/api").agents["r"].role.instructions == "From packages."
    assert gather(texts).agents["r"].role.instructions == "From the top."
    assert gather(texts[1:2]).agents["r"].role.instructions == "From ~."
    assert len(gather(texts).hidden) == 3


def test_two_of_one_name_in_one_tree_are_nobody_and_both_places_are_told() -> None:
    found = gather([text_at("", "a.md", "r"), text_at("", "deep/b.md", "r"), text_at("~", "r.md", "r")])

    assert "r" not in found.agents
    assert [problem.at("") for problem in found.faults["r"]] == [
        ".claude/agents/deep/b.md:2:1: there are two agents called r: the other is in .claude/agents/a.md:2 "
        "(rename one of them)"
    ]


def test_a_broken_file_hides_no_other_name_and_counts_for_the_name_of_its_file() -> None:
    found = gather([text_at("", "a.md", "a"), AgentText(".claude/agents/b.md", "", trouble="is a symbolic link")])
    assert list(found.agents) == ["a"]
    assert [problem.at("") for problem in found.faults["b"]] == [".claude/agents/b.md: is a symbolic link"]
    assert found.repository_faults == found.faults["b"]


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=2)


@given(st.lists(st.tuples(st.sampled_from(["", "~", "a", "a/b", "c"]), NAMES, NAMES), max_size=8), st.randoms())
def test_what_is_found_does_not_depend_on_the_order_of_the_files(
    files: list[tuple[str, str, str]], chance: Random
) -> None:
    texts = {(folder, file): text_at(folder, f"{file}.md", name) for folder, file, name in files}
    shuffled = list(texts.values())
    chance.shuffle(shuffled)
    found = gather(texts.values(), near="a")
    assert gather(shuffled, near="a") == found
    assert not set(found.agents) & set(found.faults)
