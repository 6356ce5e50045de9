"""Fixtures of the station's tests, where what the station needs is installed."""

from tests.edge_daemon.shore.without_extra import MISSING, pytest_pycollect_makemodule

if not MISSING:
    from tests.edge_daemon.shore.station_fixtures import database, make_station, take, visitor

    __all__ = ["database", "make_station", "pytest_pycollect_makemodule", "take", "visitor"]
