from issuer.model.client import ClientKey
from issuer.store import db, registry_version
from issuer.store.registry_version import Concern, ConcernKind


def test_the_version_rises_by_one(engine):
    with db.writing(engine) as connection:
        raised = registry_version.raise_version(connection)

    with db.reading(engine) as connection:
        assert (registry_version.find_version(connection), raised) == (2, 2)


def test_concerns_are_told_since_a_version(engine):
    told = (
        Concern(2, ConcernKind.EVERYONE),
        Concern(3, ConcernKind.CLIENT, ClientKey(7)),
        Concern(3, ConcernKind.KEYS),
        Concern(4, ConcernKind.NOBODY),
    )
    with db.writing(engine) as connection:
        for concern in told:
            registry_version.add_change(connection, concern, at=0)

    with db.reading(engine) as connection:
        assert registry_version.list_changes(connection, 1) == told
        assert registry_version.list_changes(connection, 2) == told[1:]
        assert registry_version.list_changes(connection, 4) == ()


def test_the_time_of_a_known_version_tells_one_history_from_another(engine):
    with db.writing(engine) as connection:
        version = registry_version.raise_version(connection)
        registry_version.add_change(connection, Concern(version, ConcernKind.NOBODY), at=7)

    with db.reading(engine) as connection:
        assert registry_version.find_version_and_time_of(connection, version) == (version, 7)
        assert registry_version.find_version_and_time_of(connection, version - 1) == (version, None)
        assert registry_version.find_changed_at(connection, version) == 7
