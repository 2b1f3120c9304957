"""Arguments and folders that are hostile by their names alone: answered at once, and in a sentence."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from plait.flows.commands.app import say_problem
from plait.flows.inputs.crew_option import read_crew_option
from plait.flows.inputs.given_files import read_spec_folder
from plait.flows.picturing import chart_for
from plait.flows.terminal.sarif_log import mistakes_log
from plait.plans.errors import CallError, PlanError, Problem
from tests.support.patience import patience

LONG = "a" * 300
SPEC = "---\nrole: qa\n---\nDo it.\n"


@pytest.mark.parametrize("word", ["qa=2", "qa=2,dev=3", "qa=2, ", " qa = 2 ,", f"{LONG}=2"])
def test_words_with_one_equals_sign_each_are_counts(word: str) -> None:
    assert read_crew_option([word]).slots


@pytest.mark.parametrize("word", ["crews/qa=2", "qa=2,,dev=3", "qa=2,dev", "a=b=1", "=2", "", ",", LONG])
def test_other_words_are_files(word: str) -> None:
    assert read_crew_option([word]).file == Path(word)


@pytest.mark.parametrize("word", [f"a={' ' * 100_000}a=", f"{',a=' * 30_000}/x", f"a={' ' * 100_000}"])
def test_a_word_of_a_hundred_thousand_blanks_is_understood_at_once(word: str) -> None:
    with patience(10), suppress(CallError):
        read_crew_option([word])


def test_a_name_that_no_file_can_have_is_no_plan_and_no_run() -> None:
    with pytest.raises(CallError, match="no plan file and no run"):
        chart_for(LONG, crew=(), repository=Path(), grouped=False)


def test_digits_of_all_scripts_in_names_of_specs_have_an_order(tmp_path: Path) -> None:
    for name in ("10.md", "9.md", "1a2.md", "1\u06632.md", "1\u00b22.md"):
        (tmp_path / name).write_text(SPEC)
    found = [spec.name for spec in read_spec_folder(tmp_path).specs]
    assert found == ["1a2.md", "1\u00b22.md", "1\u06632.md", "9.md", "10.md"]


def test_a_log_for_code_scanning_waits_for_no_pipe_and_reads_no_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "zero.md").symlink_to("/dev/zero")
    names = [str(tmp_path / name) for name in ("pipe.md", "zero.md")]
    log = mistakes_log(PlanError(str(tmp_path), tuple(Problem("is no file", 1, 1, file=name) for name in names)))
    assert "pipe.md" in log
    assert "zero.md" in log


def test_a_name_in_a_mistake_commands_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say_problem(CallError("no \x1b]0;mine\x07file \x9b2J\u202ex\nerror: y", hint="\x1b[2Jlook"))
    assert capsys.readouterr().err == "error: no file x\nerror: error: y\n  hint: look\n"
