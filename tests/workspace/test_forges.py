"""A remote's address as the page on which people ask for a branch to be taken; nobody's password is in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.workspace.forges import forge_of


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/ada/shop.git",
        "https://github.com/ada/shop",
        "https://ada@github.com/ada/shop.git",
        "https://ada:ghp_secret@github.com/ada/shop.git",
        "https://x-access-token:ghs_secret@GitHub.com:443/ada/shop.git/",
        "ssh://git@github.com/ada/shop.git",
        "ssh://git@github.com:22/ada/shop.git",
        "git@github.com:ada/shop.git",
        "github.com:ada/shop",
    ],
)
def test_all_ways_to_write_an_address_are_one_forge_and_hold_no_credentials(url: str) -> None:
    forge = forge_of(url)

    assert forge is not None
    assert (forge.host, forge.path, forge.owner) == ("github.com", "ada/shop", "ada")
    link = forge.link(base="main", branch="feature/cart/integration")
    assert link == "https://github.com/ada/shop/compare/main...feature/cart/integration?expand=1"


def test_a_merge_request_of_gitlab_names_both_branches() -> None:
    forge = forge_of("git@gitlab.example.com:team/sub/shop.git")

    assert forge is not None
    assert forge.link(base="main", branch="feature/a b") == (
        "https://gitlab.example.com/team/sub/shop/-/merge_requests/new?"
        "merge_request%5Bsource_branch%5D=feature%2Fa+b&merge_request%5Btarget_branch%5D=main"
    )


@pytest.mark.parametrize(
    "url", ["/srv/git/shop.git", "../shop.git", "file:///srv/shop.git", "work:ada/shop", "C:/shop", "", "https://", "."]
)
def test_what_is_shown_nowhere_has_no_page(url: str) -> None:
    assert forge_of(url) is None


@given(
    st.text(st.characters(exclude_characters="@/ \t\n", min_codepoint=33, max_codepoint=126), min_size=5, max_size=20)
)
def test_no_password_is_ever_in_a_link(secret: str) -> None:
    forge = forge_of(f"https://somebody:{secret}@git.example.com/o/n.git")

    assert forge is None or secret not in forge.link(base="b", branch="h") or secret in "https://git.example.com/o/n"
