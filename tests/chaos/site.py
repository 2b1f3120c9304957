"""Where a storm takes place: a person's clone with a feature branch, what is to land there, and what was verified."""

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from plait.plans.names import integration_branch
from plait.workspace.control import Control, open_control
from plait.workspace.small_files import write_whole
from tests.workspace.histories import History

FEATURE = "storm"
TIP = integration_branch(FEATURE)
LOG = "log.txt"
"""The file that every branch adds a line to: what lands twice is in it twice."""


@dataclass(frozen=True)
class Site:
    """Everything below one folder, so that a process of it is known by that name."""

    folder: Path

    @property
    def clone(self) -> Path:
        return self.folder / "clone"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def plan(self) -> str:
        """A check that is red for any file `bad…`, and writes down each tree that it found green."""
        check = f"! ls | grep -q '^bad' && git rev-parse 'HEAD^{{tree}}' >> {self.folder}/greens"
        tasks = [{"id": "LATER", "run": "true"}]
        return json.dumps({"feature": FEATURE, "goal": "Hold.", "tasks": tasks, "integration": {"verify": [check]}})

    @classmethod
    def new(cls, folder: Path) -> "Site":
        site = cls(folder)
        history = History.with_checkout(site.clone)
        start = history.repository.resolve("refs/heads/main")
        assert start is not None
        files = {LOG: "begun\n", ".gitattributes": f"{LOG} merge=union\n"}
        history.branch("main", history.commit(files, start))
        history.repository.ask("reset", "--quiet", "--hard", work_tree=site.clone)
        history.repository.ask("config", "core.logAllRefUpdates", "always")
        site.save("orders.json", [])
        return site

    @cached_property
    def history(self) -> History:
        return History(self.control.target)

    @cached_property
    def control(self) -> Control:
        return open_control(self.clone, home=self.home)

    @cached_property
    def base(self) -> str:
        return self.control.base_commit("main")[1]

    def tip(self) -> str | None:
        """Where the feature branch is."""
        return self.control.branch(TIP)

    def greens(self) -> set[str]:
        """The trees that the check itself found green, whatever plait remembers."""
        return set(self._lines("greens"))

    def told(self) -> dict[str, str]:
        """Tasks that were rejected or held, with the kind."""
        return dict(tuple(json.loads(line)) for line in self._lines("told"))

    def tell(self, task: str, kind: str) -> None:
        with (self.folder / "told").open("a", encoding="utf-8") as file:
            file.write(json.dumps([task, kind]) + "\n")

    def save(self, name: str, data: Any) -> None:
        write_whole(self.folder / name, json.dumps(data))

    def orders(self) -> list["Order"]:
        return [Order(**order) for order in json.loads((self.folder / "orders.json").read_text(encoding="utf-8"))]

    def waiting(self) -> list["Order"]:
        """What neither the feature branch contains nor anybody was told of: git says what has landed."""
        tip, told = self.tip(), self.told()
        inside = set(self.control.store.ask("rev-list", tip).text.split()) if tip else set()
        return [order for order in self.orders() if order.tip not in inside and order.task not in told]

    def _lines(self, name: str) -> list[str]:
        try:
            return (self.folder / name).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []


@dataclass(frozen=True, slots=True)
class Order:
    """A finished task that wants to land."""

    task: str
    tip: str
    needs: tuple[str, ...] = ()
    bad: bool = False
    """Whether the check is red with it, or with what it stands on."""


def own_environment(site: Site) -> None:
    """What a process of the storm runs in: no home but the site's."""
    os.environ["PLAIT_HOME"] = str(site.home)
