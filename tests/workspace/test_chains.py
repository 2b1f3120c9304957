"""A batch as a chain of merges, and what it leaves out."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.plans.tasks.outcomes import Held
from plait.workspace.chains import Branch, Chain, ChainBuilder, wrap
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, Merged, merge
from tests.workspace.histories import DATE, History

LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "repository.git")


def chain_of(history: History, base: str, *branches: Branch) -> Chain:
    return ChainBuilder(history.repository, base, batch="b1", date=DATE).build(branches)


def merged(chain: Chain) -> list[str]:
    return [link.task for link in chain.links]


def parents(history: History, commit: str) -> list[str]:
    return history.repository.ask("rev-list", "--parents", "-1", commit).text.split()[1:]


def message(history: History, commit: str) -> str:
    return history.repository.ask("cat-file", "commit", commit).text.partition("\n\n")[2]  # as it is, in no encoding


def test_branches_are_merged_in_the_order_given(history) -> None:
    base = history.commit({"f": "1\n"})
    a, b = history.commit({"a": "1\n"}, base), history.commit({"b": "1\n"}, base)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b))
    assert merged(chain) == ["A", "B"]
    assert parents(history, chain.links[0].commit) == [base, a]
    assert parents(history, chain.tip) == [chain.links[0].commit, b]
    assert chain.tree == history.repository.tree_of(chain.tip) == chain.links[-1].tree
    assert history.files(chain.tip).keys() == {"f", "a", "b"}


def test_an_empty_batch_is_its_base(history) -> None:
    base = history.commit({"f": "1\n"})
    chain = chain_of(history, base)
    assert (chain.tip, chain.tree, chain.links) == (base, history.repository.tree_of(base), ())


def test_equal_batches_give_equal_commits(history) -> None:
    base = history.commit({"f": "1\n"})
    branches = [Branch(name, history.commit({name: "1\n"}, base), title=name * 3) for name in "ABC"]
    assert chain_of(history, base, *branches) == chain_of(history, base, *branches)


def test_a_conflicting_branch_is_left_out_with_its_partner_named(history) -> None:
    base = history.commit({"f": LINES})
    a = history.commit({"a": "1\n"}, base)
    b = history.commit({"f": LINES.replace("line 3\n", "b\n")}, base)
    c = history.commit({"f": LINES.replace("line 3\n", "c\n")}, base)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b), Branch("C", c))
    assert merged(chain) == ["A", "B"]
    [conflict] = chain.conflicts
    assert (conflict.task, conflict.partner, conflict.paths) == ("C", "B", ("f",))
    assert conflict.messages


def test_a_conflict_with_the_base_has_no_partner(history) -> None:
    old = history.commit({"f": "1\n"})
    base = history.commit({"f": "2\n"}, old)
    a, b = history.commit({"a": "1\n"}, old), history.commit({"f": "3\n"}, old)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b))
    assert merged(chain) == ["A"]
    assert [(conflict.task, conflict.partner) for conflict in chain.conflicts] == [("B", None)]


def test_a_stale_branch_is_no_partner_of_everybody(history) -> None:
    """Branch to branch the common ancestor is `old`: both "conflict" in what the base has taken back since."""
    old = history.commit({"f": "1\n"})
    tried = history.commit({"f": "tried\n"}, old)
    base = history.commit({"f": "1\n"}, tried)
    stale = history.commit({"f": "2\n"}, old)
    a, b = history.commit({"x": "a\n"}, tried), history.commit({"x": "b\n"}, tried)
    assert isinstance(merge(history.repository, stale, b), Conflict)
    chain = chain_of(history, base, Branch("stale", stale), Branch("A", a), Branch("B", b))
    assert [(conflict.task, conflict.partner) for conflict in chain.conflicts] == [("B", "A")]


def test_a_branch_that_conflicts_with_two_only_together_names_the_one_that_completes_them(history) -> None:
    """Each renames half of a directory; with both done it counts as renamed, and a file added to it is in question."""
    base = history.commit({"old/a": LINES, "old/b": LINES.upper()})
    a = history.commit({"old/a": None, "new/a": LINES}, base)
    b = history.commit({"old/b": None, "new/b": LINES.upper()}, base)
    c = history.commit({"old/c": "1\n"}, base)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b), Branch("C", c))
    assert [(conflict.task, conflict.partner) for conflict in chain.conflicts] == [("C", "B")]
    assert len(chain_of(history, base, Branch("A", a), Branch("C", c)).links) == 2


def test_what_needs_a_branch_left_out_is_held(history) -> None:
    base = history.commit({"f": "1\n"})
    a, b = history.commit({"f": "2\n"}, base), history.commit({"f": "3\n"}, base)
    c, d = history.commit({"c": "1\n"}, base), history.commit({"d": "1\n"}, base)
    chain = chain_of(
        history, base, Branch("A", a), Branch("B", b), Branch("C", c, needs=("B",)), Branch("D", d, needs=("C", "A"))
    )
    assert merged(chain) == ["A"]
    assert chain.held == (Held(task="C", by="B"), Held(task="D", by="C"))
    assert not history.repository.is_ancestor(b, chain.tip)


def test_a_branch_left_out_is_not_smuggled_in_by_one_that_contains_it(history) -> None:
    base = history.commit({"f": "1\n"})
    a, b = history.commit({"f": "2\n"}, base), history.commit({"f": "3\n"}, base)
    c = history.commit({"f": "2\n", "c": "1\n"}, b)  # mended what B broke, but holds B's commit
    chain = chain_of(history, base, Branch("A", a), Branch("B", b), Branch("C", c))
    assert chain.held == (Held(task="C", by="B"),)
    assert not history.repository.is_ancestor(b, chain.tip)


def test_a_search_is_told_what_contains_what(history) -> None:
    base = history.commit({"f": "1\n"})
    a = history.commit({"a": "1\n"}, base)
    b = history.commit({"b": "1\n"}, a)
    branches = [Branch("A", a), Branch("B", b, needs=("X",)), Branch("C", b)]
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE)
    assert [branch.needs for branch in builder.complete(branches)] == [(), ("X", "A"), ("A", "B")]


def test_a_need_outside_the_batch_does_not_hold(history) -> None:
    base = history.commit({"f": "1\n"})
    assert merged(chain_of(history, base, Branch("A", history.commit({"a": "1\n"}, base), needs=("landed",)))) == ["A"]


def test_what_is_already_there_is_skipped(history) -> None:
    old = history.commit({"f": "1\n"})
    base = history.commit({"f": "2\n"}, old)
    a = history.commit({"a": "1\n"}, base)
    b = history.commit({"b": "1\n"}, a)
    chain = chain_of(history, base, Branch("old", old), Branch("base", base), Branch("B", b), Branch("A", a))
    assert merged(chain) == ["B"]
    assert chain.skipped == ("old", "base", "A")


def test_of_two_equal_branches_the_second_is_skipped_or_held_with_the_first(history) -> None:
    base = history.commit({"f": "1\n"})
    a, b = history.commit({"f": "2\n"}, base), history.commit({"f": "3\n"}, base)
    assert chain_of(history, base, Branch("A", a), Branch("twin", a)).skipped == ("twin",)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b), Branch("twin", b))
    assert chain.held == (Held(task="twin", by="B"),)


def test_equal_changes_still_become_a_link_so_that_landed_means_contained(history) -> None:
    base = history.commit({"f": "1\n"})
    a = history.commit({"a": "1\n"}, base, message="one")
    b = history.commit({"a": "1\n"}, base, message="two")
    chain = chain_of(history, base, Branch("A", a), Branch("B", b))
    assert merged(chain) == ["A", "B"]
    assert chain.links[0].tree == chain.links[1].tree
    assert history.repository.is_ancestor(b, chain.tip)


def test_landing_twice_adds_nothing(history) -> None:
    base = history.commit({"f": "1\n"})
    branches = [Branch(name, history.commit({name: "1\n"}, base)) for name in "AB"]
    landed = chain_of(history, base, *branches).tip
    again = chain_of(history, landed, *branches)
    assert (again.tip, again.skipped) == (landed, ("A", "B"))


def test_the_attributes_of_the_base_hold_for_the_whole_chain(history) -> None:
    base = history.commit({"notes": "1\n", ".gitattributes": "notes merge=union\n"})
    a = history.commit({"notes": "1\na\n", ".gitattributes": None}, base)
    b = history.commit({"notes": "1\nb\n"}, base)
    chain = chain_of(history, base, Branch("A", a), Branch("B", b))
    assert history.files(chain.tip)["notes"] == "1\na\nb\n"


def test_names_that_are_one_file_elsewhere_conflict_when_asked(history) -> None:
    base = history.commit({"f": "1\n"})
    branches = [Branch(name, history.commit({name: name}, base)) for name in ("Cart", "cart")]
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE, fold_case=True)
    assert [(conflict.task, conflict.partner) for conflict in builder.build(branches).conflicts] == [("cart", "Cart")]


# --- messages


def trailers(history: History, commit: str) -> list[str]:
    text = message(history, commit).encode()
    return history.repository.ask("interpret-trailers", "--parse", stdin=text).text.splitlines()


def test_a_merge_says_where_it_comes_from(history) -> None:
    base = history.commit({"f": "1\n"})
    a = history.commit({"a": "1\n"}, base)
    chain = chain_of(history, base, Branch("A", a, title="The cart", ref='refs/heads/feature/x/agent/b/"A"'))
    assert message(history, chain.tip).splitlines()[0] == "Merge A: The cart"
    named = '"refs/heads/feature/x/agent/b/\\"A\\""'
    assert trailers(history, chain.tip) == ["Batch-Id: b1", "Task-Id: A", f"Batch-Branch: {named} {a}"]


def test_a_title_can_forge_neither_trailers_nor_terminal_codes(history) -> None:
    base = history.commit({"f": "1\n"})
    title = "nice\n\nTask-Id: B\x1b]0;gotcha\x07 \u202e\u2028end " + "x" * 500
    chain = chain_of(history, base, Branch("A", history.commit({"a": "1\n"}, base), title=title))
    assert [line for line in trailers(history, chain.tip) if line.startswith("Task-Id")] == ["Task-Id: A"]
    text = message(history, chain.tip)
    assert len(text.splitlines()[0]) == 100
    assert not set(text) & {"\x1b", "\x07", "\u202e", "\u2028"}


def test_the_commit_to_land_keeps_untested_states_off_the_first_parents(history) -> None:
    base = history.commit({"f": "1\n"})
    branches = [
        Branch(name, history.commit({name: "1\n"}, base), title=f"Add {name}", ref=f"r/{name}") for name in "AB"
    ]
    chain = chain_of(history, base, *branches)
    final = wrap(history.repository, chain, branches, batch="b1", date=DATE, trailers={"Batch Run\n": "r1\nx"})
    assert parents(history, final) == [base, chain.tip]
    assert history.repository.tree_of(final) == chain.tree
    assert trailers(history, final)[:4] == [
        "Batch-Id: b1",
        f"Batch-Base: {base}",
        f"Batch-Tested-Tree: {chain.tree}",
        "Batch-Run-: r1 x",
    ]
    assert "- A: Add A\n- B: Add B\n" in message(history, final)


def test_a_chain_of_one_link_needs_no_further_commit(history) -> None:
    base = history.commit({"f": "1\n"})
    chain = chain_of(history, base, Branch("A", history.commit({"a": "1\n"}, base)))
    assert wrap(history.repository, chain, batch="b1", date=DATE) == chain.tip
    assert wrap(history.repository, chain_of(history, base), batch="b1", date=DATE) == base


# --- one builder for a search


def test_a_search_merges_nothing_twice(history, monkeypatch) -> None:
    base = history.commit({"f": "1\n"})
    branches = [Branch(str(n), history.commit({f"f{n}": "1\n"}, base)) for n in range(8)]
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE)
    whole = builder.build(branches)
    names = counted_commands(monkeypatch)
    assert builder.build(branches) == whole
    assert builder.build(branches[:5]).tip == whole.links[4].commit
    assert "merge-tree" not in names
    assert "commit-tree" not in names


def counted_commands(monkeypatch) -> list[str]:
    names: list[str] = []
    honest = GitRepository.run

    def noting(self, *arguments, **options):
        names.append(arguments[0])
        return honest(self, *arguments, **options)

    monkeypatch.setattr(GitRepository, "run", noting)
    return names


def test_any_ordered_subset_can_be_built(history) -> None:
    base = history.commit({"f": "1\n"})
    branches = [Branch(str(n), history.commit({f"f{n}": "1\n"}, base)) for n in range(6)]
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE)
    builder.build(branches)
    subset = [branches[n] for n in (4, 1, 5)]
    assert builder.build(subset) == chain_of(history, base, *subset)


edits = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 19), st.sampled_from(["x", "y"])), min_size=1, max_size=3
)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(branches=st.lists(st.tuples(st.integers(0, 4), edits), min_size=1, max_size=5))
def test_a_chain_is_what_merging_one_by_one_gives(history, branches) -> None:
    """The links are the branches that merge one by one; what is left out is contained in nothing."""
    base = history.commit(dict.fromkeys("abc", LINES))
    made: list[Branch] = []
    for number, (start, changes) in enumerate(branches):
        onto = made[start].tip if start < len(made) else base
        files = history.files(onto)
        for name, line, text in changes:
            files[name] = files[name].replace(f"line {line}\n", f"{text} {line}\n")
        made.append(Branch(f"T{number}", history.commit(dict(files), onto, message=str(number))))
    chain = chain_of(history, base, *made)
    told = [*merged(chain), *(c.task for c in chain.conflicts), *(h.task for h in chain.held), *chain.skipped]
    assert sorted(told) == sorted(branch.task for branch in made)
    tips = {branch.task: branch.tip for branch in made}
    tip = base
    for link in chain.links:
        result = merge(history.repository, tip, tips[link.task], attributes=b"")
        assert result == Merged(link.tree)
        tip = link.commit
    for task in (*(c.task for c in chain.conflicts), *(h.task for h in chain.held)):
        assert not history.repository.is_ancestor(tips[task], chain.tip)
    for task in (*merged(chain), *chain.skipped):
        assert history.repository.is_ancestor(tips[task], chain.tip)


def test_the_pinned_commit_is_merged_whatever_the_branch_does_meanwhile(history) -> None:
    base = history.commit({"f": "1\n"})
    first = history.branch("A", history.commit({"a": "1\n"}, base))
    history.branch("A", history.commit({"a": "2\n"}, first))
    branch = Branch("A", first, ref="refs/heads/A")
    assert history.files(chain_of(history, base, replace(branch, title="A")).tip)["a"] == "1\n"


def test_the_settings_of_the_users_repository_do_not_matter(history) -> None:
    for setting in ("commit.gpgSign=true", "gpg.program=false", "user.name=", "i18n.commitEncoding=latin1"):
        history.repository.ask("config", *setting.split("=", 1))
    base = history.commit({"f": "1\n"})
    chain = chain_of(history, base, Branch("A", history.commit({"a": "1\n"}, base), title="Größe"))
    assert message(history, chain.tip).startswith("Merge A: Größe")
    assert history.repository.ask("log", "-1", "--format=%an <%ae>", chain.tip).text == "plait <plait@localhost>"
