"""The control database on a real PostgreSQL: the checks of SQLite, and a server that goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from control_checks import CHECKS, NOW_US, add, entry, kind_of
from postgres import Cluster, cluster

from spit.engine.control_data import ControlData
from spit.errors import ControlError
from spit.policy.lists import Lists
from spit.storage.control import open_control
from spit.storage.schema import metadata

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_on_postgresql(check: Callable[[str], None], server: Cluster) -> None:
    check(server.new_database())


def test_the_migrations_make_the_tables_of_the_schema(server: Cluster) -> None:
    with closing(open_control(server.new_database())) as database, database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_wrong_password_is_refused_and_not_shown(server: Cluster) -> None:
    url = server.new_database().replace("s3cret", "wr0ng")
    with pytest.raises(ControlError, match="password authentication failed") as caught:
        open_control(url)
    assert "wr0ng" not in str(caught.value)


def test_while_the_server_is_away_the_last_lists_stay(server: Cluster) -> None:
    lists = Lists()
    control = ControlData(open_control(server.new_database()), lists, poll_s=60, clock=lambda: NOW_US)
    with closing(control):
        add(control.entries, entry("+1"))
        control.refresh()
        server.stop()
        try:
            control.refresh()
            assert control.warning() is not None
            assert kind_of(lists, "+1") == "block"
            with pytest.raises(ControlError) as caught:
                add(control.entries, entry("+2"))
            assert "s3cret" not in str(caught.value)
        finally:
            server.start()
        control.refresh()
        assert control.warning() is None
        add(control.entries, entry("+2"))
        control.refresh()
        assert (kind_of(lists, "+1"), kind_of(lists, "+2")) == ("block", "block")
