"""What contract tests are run against."""

from collections.abc import Iterator

import pytest

from tests.support.databases import a_postgres_database, a_postgres_server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with a_postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('store')}/plait.db"
    else:
        with a_postgres_database(request.getfixturevalue("postgres_server")) as url:
            yield url
