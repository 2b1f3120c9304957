"""The demo goes wrong exactly as it says, and each repair mends it, whatever landed first. Simulated with plain git."""

import subprocess
from pathlib import Path

import pytest

from plait.blocks.agents.registry import agent_for
from plait.plans.language.crew import merge_crews
from plait.plans.language.parsing import check_roles, parse_crew, parse_plan
from plait.plans.language.scripts import Script, read_script
from plait.plans.paths import may_change
from tests.support.agents import ENVIRONMENT, play

EXAMPLES = Path(__file__).parents[2] / "examples"
SUITE = "python3 -m unittest -q"
IDENTITY = {f"GIT_{who}_{what}": "demo@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


class DemoShop:
    """A repository of the shop, and the branches that the scripted agents would make in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.checkout = folder, folder / "shop"
        self.script: Script = read_script((EXAMPLES / "shop.script.yaml").read_bytes(), "shop.script.yaml")
        plan = parse_plan((EXAMPLES / "shop.plan.yaml").read_bytes(), source="shop.plan.yaml")
        self.tasks = {task.id: task for task in plan.tasks}
        subprocess.run(["cp", "-R", str(EXAMPLES / "shop"), str(self.checkout)], check=True)
        self.git("init", "-q", "-b", "main")
        self.base = self.commit("A small shop")
        self.branches: dict[str, str] = {}
        for task in self.tasks:
            self.branches[task] = self.deliver(task)

    def git(self, *arguments: str) -> str:
        environment = {**ENVIRONMENT, **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
        answer = subprocess.run(
            ["git", *arguments], cwd=self.checkout, env=environment, check=True, capture_output=True, text=True
        )
        return answer.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def deliver(self, task: str) -> str:
        """The commit of a task's last try, made where its needs are merged."""
        self.git("checkout", "-q", "--detach", self.base)
        for need in self.tasks[task].needs:
            self.git("merge", "-q", "--no-edit", self.branches[need.task or ""])
        if run := self.tasks[task].run:
            assert self.shell(run).returncode == 0
        else:
            self.play(task, attempt=2)
        return self.commit(task)

    def play(self, task: str, *, attempt: int = 1, repair: int = 0) -> None:
        entry = self.script.entry(task, attempt=attempt, repair=repair)
        assert entry is not None
        assert entry.done
        played = play(entry, self.checkout, self.folder / "steps.json")
        assert played.returncode == 0, played.stdout
        assert played.stdout.splitlines() == list(entry.say)

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.checkout, env=ENVIRONMENT, check=False, capture_output=True, text=True
        )

    def green(self, command: str = SUITE) -> bool:
        return self.shell(command).returncode == 0

    def merges(self, commit: str) -> bool:
        """Merge into what is checked out; on a conflict, leave the markers there."""
        try:
            self.git("-c", "merge.conflictStyle=zdiff3", "merge", "-q", "--no-ff", "--no-edit", commit)
        except subprocess.CalledProcessError:
            return False
        return True

    def land(self, task: str) -> str:
        """Land a branch on what is checked out, with its repair when it needs one: what was wrong with it."""
        tip = self.git("rev-parse", "HEAD")
        merged = self.merges(self.branches[task])
        if merged and self.green():
            return "nothing"
        if merged:
            self.git("reset", "-q", "--hard", tip)
            self.git("merge", "-q", "--no-ff", "--no-commit", self.branches[task])
        self.play(task, repair=1)
        self.commit(f"{task} (repair)")
        assert self.green(), f"{task} is not repaired"
        return "red" if merged else "conflict"


@pytest.mark.parametrize("name", ["hello", "shop"])
def test_the_plans_and_crews_of_the_examples_have_no_mistakes(name: str) -> None:
    text = (EXAMPLES / f"{name}.plan.yaml").read_bytes()
    crew_file = EXAMPLES / f"{name}.crew.yaml"
    plan = parse_plan(text, source=f"{name}.plan.yaml")
    crew = merge_crews(plan.crew, parse_crew(crew_file.read_bytes()) if crew_file.exists() else None)

    assert check_roles(plan, crew, text=text) == ()
    for task in plan.tasks:
        if task.prompt and task.role:
            agent_for(task.role, crew.role(task.role), base_directory=EXAMPLES, default=crew.default_backend)


def test_the_plan_of_the_readme_is_short_and_runs_anywhere(tmp_path: Path) -> None:
    plan = parse_plan((EXAMPLES / "hello.plan.yaml").read_bytes(), source="hello.plan.yaml")
    assert len((EXAMPLES / "hello.plan.yaml").read_text(encoding="utf-8").splitlines()) <= 15

    for task in plan.tasks:
        subprocess.run(["/bin/sh", "-e", "-c", task.run or "exit 1"], cwd=tmp_path, env=ENVIRONMENT, check=True)
        # Any task may be in the first batch that lands, so the feature's verification is green after each.
        for command in plan.integration.verify:
            subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=ENVIRONMENT, check=True)

    assert (tmp_path / "hello" / "both.txt").read_text() == "Hello\nWorld\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> DemoShop:
    return DemoShop(tmp_path_factory.mktemp("demo"))


def test_every_branch_is_green_alone_and_stays_within_what_its_task_owns(shop: DemoShop) -> None:
    for task, commit in shop.branches.items():
        shop.git("checkout", "-q", "--detach", commit)
        assert all(shop.green(command) for command in (SUITE, *shop.tasks[task].verify)), task
        changed = shop.git("diff", "--name-only", "HEAD~1").splitlines()
        assert changed
        assert [path for path in changed if not may_change(path, owns=shop.tasks[task].owns)] == []


def test_the_first_try_of_the_cart_says_done_and_is_red(shop: DemoShop) -> None:
    shop.git("checkout", "-q", "--detach", shop.branches["DESIGN"])

    shop.play("CART", attempt=1)

    assert shop.git("status", "--porcelain") != ""
    assert not shop.green(shop.tasks["CART"].verify[0])
    shop.commit("not kept")


def test_the_cart_page_and_the_wish_list_conflict_in_one_file(shop: DemoShop) -> None:
    shop.git("checkout", "-q", "--detach", shop.branches["CART-PAGE"])

    assert not shop.merges(shop.branches["WISHLIST"])

    assert shop.git("diff", "--name-only", "--diff-filter=U") == "shop/routes.py"
    shop.git("merge", "--abort")


def test_cents_and_delivery_are_red_only_together(shop: DemoShop) -> None:
    shop.git("checkout", "-q", "--detach", shop.branches["CENTS"])

    assert shop.merges(shop.branches["DELIVERY"])

    answer = shop.shell(SUITE)
    assert answer.returncode != 0
    assert "'free' != '4.90 EUR'" in answer.stderr


ORDERS = {
    "as planned": "DESIGN CENTS DELIVERY CART CART-PAGE WISHLIST PRICE-LIST CHECKOUT",
    "the other sides first": "PRICE-LIST WISHLIST DELIVERY DESIGN CART-PAGE CART CHECKOUT CENTS",
    "needs late": "WISHLIST CENTS PRICE-LIST DESIGN CART CART-PAGE DELIVERY CHECKOUT",
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_whatever_lands_first_two_repairs_make_the_whole_feature_green(shop: DemoShop, order: str) -> None:
    shop.git("checkout", "-q", "--detach", shop.base)

    troubles = {task: shop.land(task) for task in order.split()}

    assert sorted(troubles.values()) == ["conflict", *["nothing"] * 6, "red"]
    assert {task for task, trouble in troubles.items() if trouble == "conflict"} < {"CART-PAGE", "WISHLIST"}
    assert {task for task, trouble in troubles.items() if trouble == "red"} < {"CENTS", "DELIVERY"}
    assert shop.git("rev-parse", "HEAD^{tree}") == _tree_of_the_finished_feature(shop)


def _tree_of_the_finished_feature(shop: DemoShop) -> str:
    shop.git("checkout", "-q", "--detach", shop.base)
    for task in ORDERS["as planned"].split():
        shop.land(task)
    return shop.git("rev-parse", "HEAD^{tree}")


def test_the_whole_demo_is_seconds_of_work(shop: DemoShop) -> None:
    pauses = [step.sleep or 0 for entries in shop.script.tasks.values() for entry in entries for step in entry.steps]

    assert sum(pauses) < 6
    assert max(pauses) <= 0.6
