"""Who is suspected before anything is searched: by what was rejected before, and by the files that the output names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.landing.suspicion import Changes, Tally, suspicions


def ten(**paths: tuple[str, ...]) -> dict[str, Changes]:
    return {f"b{number}": Changes("dev", paths.get(f"b{number}", ())) for number in range(10)}


def test_nothing_known_suspects_all_alike() -> None:
    assert suspicions(ten()) == dict.fromkeys(ten(), 0.1)
    assert suspicions({}) == {}


@pytest.mark.parametrize(
    "output",
    [
        'File "/tmp/slot-1/shop/cart.py", line 7, in add',
        "shop/cart.py:7: TypeError",
        "error in cart.py",
        "\x1b[31mFAILED\x1b[0m shop/cart.py::test_add",
    ],
)
def test_a_file_that_the_output_names_makes_its_branch_suspect(output: str) -> None:
    priors = suspicions(ten(b4=("docs/guide.md", "shop/cart.py")), output=output)
    assert priors["b4"] == 0.5
    assert priors["b3"] == 0.1


def test_what_several_changed_is_shared_and_what_all_changed_tells_nothing() -> None:
    both = {"b1": ("shop/cart.py",), "b2": ("shop/cart.py",)}
    assert suspicions(ten(**both), output="shop/cart.py:7")["b2"] == 0.25
    every = {f"b{number}": ("package-lock.json",) for number in range(10)}
    assert suspicions(ten(**every), output="package-lock.json")["b2"] == 0.1


def test_a_role_that_was_often_rejected_is_more_suspect() -> None:
    branches = {"a": Changes("new"), "b": Changes("sound"), "c": Changes("hasty")}
    priors = suspicions(branches, by_role={"sound": Tally(0, 40), "hasty": Tally(8, 20)})
    assert priors["b"] < priors["a"] < priors["c"]


def test_a_path_whose_changes_were_often_rejected_is_more_suspect() -> None:
    priors = suspicions(ten(b4=("schema.sql",)), by_path={"schema.sql": Tally(6, 8)})
    assert priors["b4"] > priors["b3"] == 0.1


@given(st.text(max_size=200), st.dictionaries(st.text(), st.lists(st.text(), max_size=3), max_size=5))
def test_whatever_is_printed_and_named_gives_probabilities(output: str, paths: dict[str, list[str]]) -> None:
    priors = suspicions({name: Changes(paths=some) for name, some in paths.items()}, output=output)
    assert priors.keys() == paths.keys()
    assert all(0 < prior <= 0.9 for prior in priors.values())
