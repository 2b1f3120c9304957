"""The integrator and a person at one ref at one moment: exactly one of them moves it, and nothing accepted is lost."""

import threading
import time
from pathlib import Path

import pytest

from plait.workspace.chains import Branch, Chain, ChainBuilder
from plait.workspace.control import Control
from plait.workspace.errors import RefMoved
from plait.workspace.ref_landing import BranchLander, landed_batches
from tests.chaos.site import FEATURE, TIP, Site
from tests.support.repositories import git
from tests.workspace.histories import DATE

STEP = 0.002
"""Seconds that whoever won begins later the next time, twice as much each time in a row: so both keep meeting."""


class Race:
    """A person with a clone of their own against the integrator, again and again on one branch."""

    def __init__(self, folder: Path) -> None:
        self.site = Site.new(folder / "site")
        self.person = folder / "person"
        git(folder, "clone", "--quiet", str(self.site.clone), str(self.person))
        self.lander = BranchLander(self.site.control, FEATURE, TIP, self.site.base)
        self.accepted: list[str] = []
        self.won = {"person": 0, "plait": 0}
        self._step, self._landed = STEP, False
        self._head_start = 0.0
        """Seconds that the person begins before plait; behind it where negative."""

    @property
    def control(self) -> Control:
        return self.site.control

    def chain(self, number: int, old: str | None) -> Chain:
        """A new task, merged on where the branch is."""
        tip = self.site.history.commit({f"task{number}": f"{number}\n"}, self.site.base, message=str(number))
        builder = ChainBuilder(self.control.store, old or self.site.base, batch=f"b{number}", date=DATE)
        return builder.build([Branch(f"T{number}", tip)])

    def run(self, number: int, *push: str) -> bool:
        """Both at once; whether the person won.

        Args:
            push: What the person hands to `git push`.
        """
        old = self.lander.tip()
        chain = self.chain(number, old)
        start = threading.Barrier(2)
        taken: list[bool] = []

        def person() -> None:
            start.wait()
            time.sleep(max(0.0, -self._head_start))
            said = git(self.person, "push", "--porcelain", *push, check=False)
            # "Done" alone is also said when the other side refused the ref, on a line that begins with "!".
            taken.append(said.endswith("Done") and "\n!" not in said)

        thread = threading.Thread(target=person)
        thread.start()
        start.wait()
        time.sleep(max(0.0, self._head_start))
        try:
            self.lander.land(batch=f"b{number}", old=old, new=chain.tip)
            landed = True
        except RefMoved:
            landed = False
        thread.join()
        assert taken != [landed], f"race {number}: {'both' if landed else 'neither'} moved the branch"
        self.won["plait" if landed else "person"] += 1
        self._step = STEP if landed != self._landed else 2 * self._step
        self._landed = landed
        self._head_start += self._step if landed else -self._step
        if landed:
            assert self.lander.tip() == chain.tip
        else:
            self._land_after_all(number)
        return not landed

    def _land_after_all(self, number: int) -> None:
        tip = self.lander.tip()
        again = self.chain(number, tip)
        self.lander.land(batch=f"b{number}", old=tip, new=again.tip)

    def commit(self, number: int) -> str:
        """What the person made on the branch as it is now, in their own clone."""
        git(self.person, "fetch", "--quiet", "origin", TIP if self.lander.tip() else "main")
        git(self.person, "checkout", "--quiet", "--detach", "FETCH_HEAD")
        (self.person / f"person{number}").write_text("x\n")
        git(self.person, "add", "--all")
        git(self.person, "commit", "--quiet", "--message", f"person {number}")
        return git(self.person, "rev-parse", "HEAD")

    def end(self) -> None:
        """All that was accepted and not taken away is there, each task once, and the repository is whole."""
        tip = self.lander.tip()
        assert tip is not None
        lost = [commit for commit in self.accepted if not self.control.store.is_ancestor(commit, tip)]
        assert lost == []
        assert set(landed_batches(self.control, FEATURE).values()) <= self._everything()
        assert self.control.store.refs("refs/plait/intent/") == {}
        assert list(self.control.common_dir.rglob("refs/**/*.lock")) == []
        git(self.site.clone, "fsck", "--no-dangling", "--no-progress")
        assert all(self.won.values()), f"they never met: {self.won}"

    def _everything(self) -> set[str]:
        return set(self.control.store.ask("rev-list", "--all", "--reflog").text.split())


@pytest.fixture
def race(tmp_path: Path) -> Race:
    return Race(tmp_path)


@pytest.mark.slow
def test_of_a_push_and_a_landing_exactly_one_wins_forty_times(race: Race) -> None:
    pushed = []
    for number in range(40):
        commit = race.commit(number)
        pushed.append(commit)
        if race.run(number, "origin", f"{commit}:refs/heads/{TIP}"):
            race.accepted.append(commit)
    race.end()
    tip = race.lander.tip()
    assert tip is not None
    inside = {
        commit
        for commit in pushed
        if race.control.store.resolve(commit) and race.control.store.is_ancestor(commit, tip)
    }
    assert inside == set(race.accepted), "what was refused is not there, what was accepted is"
    files = race.site.history.files(tip)
    assert {f"task{number}" for number in range(40)} <= files.keys()


@pytest.mark.slow
@pytest.mark.parametrize("act", ["deleted", "rewound", "moved elsewhere"])
def test_of_a_landing_and_somebody_who_takes_the_branch_away_exactly_one_wins(race: Race, act: str) -> None:
    """By `--force-with-lease`, as people do who look before they push."""
    for number in range(15):
        git(race.person, "fetch", "--quiet", "--prune", "origin", "+refs/heads/*:refs/remotes/origin/*")
        old = race.lander.tip()
        lease = f"--force-with-lease=refs/heads/{TIP}:{old or ''}"
        if old is None or number == 0:
            commit = race.commit(number)
            git(race.person, "push", "--quiet", "origin", f"{commit}:refs/heads/{TIP}")
            race.accepted.append(commit)
            continue
        back = {
            "deleted": "",
            "rewound": git(race.person, "rev-parse", f"{old}^"),
            "moved elsewhere": race.control.store.commit_tree(
                race.control.store.tree_of(race.site.base), (race.site.base,), f"{number}", date=DATE
            ),
        }[act]
        if act == "moved elsewhere":
            git(race.person, "fetch", "--quiet", str(race.control.store.git_dir), back)
        if race.run(number, lease, "origin", f"{back}:refs/heads/{TIP}"):
            kept = [commit for commit in race.accepted if back and race.control.store.is_ancestor(commit, back)]
            race.accepted = kept
    race.end()
