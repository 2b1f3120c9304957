"""Any program as an agent: its template, its prompt, and what no value can make of it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.blocks.core import Block
from prefect.testing.standard_test_suites.blocks import BlockStandardTestSuite
from pydantic import ValidationError

from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.command import CommandAgent, run_script
from plait.blocks.agents.scripted import ScriptedAgent
from plait.plans.errors import CallError, EnvironmentProblem
from tests.support.agents import order_for

TELL = (
    sys.executable,
    "-I",
    "-S",
    "-c",
    "import json, os, sys; print(json.dumps([sys.argv[1:], sys.stdin.read(), os.getcwd()]))",
)


@pytest.mark.parametrize("block", [CodingAgent, CommandAgent, ScriptedAgent])
class TestBlockStandards(BlockStandardTestSuite):
    """What Prefect asks of every block."""

    @pytest.fixture
    def block(self, block: type[Block]) -> type[Block]:
        return block

    def test_has_a_valid_image(self, block: type[Block]) -> None:
        # Prefect's own test downloads the image; that the address is one is all that can be seen offline.
        assert str(block._logo_url).startswith("https://")


def test_the_prompt_comes_on_standard_input(tmp_path: Path) -> None:
    order = order_for(tmp_path, prompt="Say hello — and $(touch X); `touch X`\n")

    report = CommandAgent(command=TELL).work(order)

    assert json.loads(report.tail) == [[], order.prompt, str(order.directory)]
    assert list(order.directory.iterdir()) == []


def test_the_prompt_comes_as_a_private_file_outside_the_checkout(tmp_path: Path) -> None:
    order = order_for(tmp_path, prompt="Say hello — twice.\n")
    program = "import os, sys; print(oct(os.stat(sys.argv[1]).st_mode & 0o777), open(sys.argv[1]).read())"
    agent = CommandAgent(command=(sys.executable, "-c", program, "{prompt_file}"))

    reports = [agent.work(order), agent.work(order)]

    assert [report.tail for report in reports] == ["0o600 Say hello — twice.\n\n"] * 2
    assert list(order.directory.iterdir()) == []


def test_placeholders_are_whole_arguments_and_nothing_else_is_touched(tmp_path: Path) -> None:
    order = order_for(tmp_path, task="TASK-7", model="opus")
    agent = CommandAgent(command=(*TELL, "{task}", "{model}", "{directory}", "{}", '{"a": 1}', "$HOME", "~", "*"))

    (arguments, _, _) = json.loads(agent.work(order).tail)

    assert arguments == ["TASK-7", "opus", str(order.directory), "{}", '{"a": 1}', "$HOME", "~", "*"]


@pytest.mark.parametrize("value", ["; touch X", "$(touch X)", "`touch X`", "a\nb", "a b", "'", '"', "../..", "| cat"])
def test_no_value_becomes_more_than_one_argument(tmp_path: Path, value: str) -> None:
    order = order_for(tmp_path, task=value)

    (arguments, _, _) = json.loads(CommandAgent(command=(*TELL, "{task}")).work(order).tail)

    assert arguments == [value]
    assert list(order.directory.iterdir()) == []


def test_a_value_that_looks_like_an_option_is_refused_unless_options_have_ended(tmp_path: Path) -> None:
    order = order_for(tmp_path, task="--upload-pack=x")

    with pytest.raises(CallError, match="would be read as an option"):
        CommandAgent(command=(*TELL, "{task}")).work(order)

    assert json.loads(CommandAgent(command=(*TELL, "--", "{task}")).work(order).tail)[0] == ["--", "--upload-pack=x"]


def test_the_model_of_the_order_comes_before_that_of_the_block(tmp_path: Path) -> None:
    agent = CommandAgent(command=(*TELL, "{model}"), model="small")

    assert json.loads(agent.work(order_for(tmp_path)).tail)[0] == ["small"]
    assert json.loads(agent.work(order_for(tmp_path, model="large")).tail)[-3:][0] == ["large"]


def test_a_model_that_nobody_names_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(CallError, match=r"wants \{model\}"):
        CommandAgent(command=(*TELL, "{model}")).work(order_for(tmp_path))


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["agent", "{modle}"], r"unknown placeholder \{modle\}.*did you mean '\{model\}'"),
        (["agent", "--model={model}"], "must be an argument of its own"),
        (["{task}"], "the program must be named"),
        ([""], "the program must be named"),
        ([], "at least 1 item"),
        (["agent", "a\0b"], "NUL"),
    ],
)
def test_a_wrong_template_is_refused_when_it_is_loaded(command: list[str], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        CommandAgent(command=tuple(command))


def test_a_program_that_is_not_there_is_a_problem_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no-such-agent"):
        CommandAgent(command=("no-such-agent",)).work(order_for(tmp_path))


def test_an_agent_that_is_killed_says_so(tmp_path: Path) -> None:
    agent = CommandAgent(command=(sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"))

    report = agent.work(order_for(tmp_path))

    assert (report.cause, report.status) == ("signalled", -9)
    assert report.problem == "the agent was killed by signal 9 (SIGKILL) and said nothing"


def test_a_script_stops_at_its_first_failure(tmp_path: Path) -> None:
    order = order_for(tmp_path)

    report = run_script(order, "echo one\nfalse\necho two > two.txt\n")

    assert report.status == 1
    assert report.problem == "the script ended with exit status 1: one"
    assert list(order.directory.iterdir()) == []


def test_a_script_that_begins_with_a_dash_is_no_option(tmp_path: Path) -> None:
    assert run_script(order_for(tmp_path), "-c 'echo no'").status == 127


def test_a_script_gets_nothing_on_standard_input(tmp_path: Path) -> None:
    assert run_script(order_for(tmp_path), "cat; echo end").tail == "end\n"


def test_later_tries_go_on_in_the_same_log(tmp_path: Path) -> None:
    order = order_for(tmp_path)

    reports = [run_script(order, "echo one"), run_script(order, "echo two")]

    assert order.output.read_text() == "one\ntwo\n"
    assert [report.tail for report in reports] == ["one\n", "two\n"]
    assert order.output.stat().st_mode & 0o077 == 0


def test_an_agent_that_holds_more_memory_than_its_role_may_is_ended(tmp_path: Path) -> None:
    hold = "held = bytearray(300_000_000); import time; time.sleep(60)"
    agent = CommandAgent(command=(sys.executable, "-S", "-c", hold))
    report = agent.work(replace(order_for(tmp_path), memory=100_000_000))
    assert (report.cause, report.claims_done) == ("memory", False)
    assert report.problem == "the agent was stopped because it used too much memory"
