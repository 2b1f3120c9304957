"""Folders of tries: what an agent, whose checkout is beside them, has put there is passed over."""

import os
from pathlib import Path

from plait.agent_tasks.trying import begin_try, past_tries


def test_folders_and_results_that_are_none_of_plaits_are_passed_over(tmp_path: Path) -> None:
    begin_try(tmp_path, agent="qa-1", dispatch="work").close(failed="no")
    for name, text in (
        ("try-x", "{}"),
        ("try-\u00b2", "{}"),
        ("try-2", "[" * 100_000),
        ("try-3", "{}"),
        ("try-4", "7"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(text)
    (tmp_path / "try-5").mkdir()
    os.mkfifo(tmp_path / "try-5" / "result.json")

    assert [one.number for one in past_tries(tmp_path)] == [1]
    assert begin_try(tmp_path, agent="qa-1", dispatch="work").number == 6
