"""A large document: a bounded number of statements, and figures of how long each part takes."""

import sys
import time

import pytest
from sqlalchemy import event

from issuer.registry.document import apply, export, form, text
from issuer.registry.document.apply import Pruning

# What is read and written once, however large the document is.
MOST_FOR_ALL = 80
MOST_FOR_A_SERVICE = 4
MOST_FOR_AN_AUDIENCE = 11
MOST_FOR_A_CLIENT = 6


def large(audiences, clients, permissions):
    """Return a document of so many entries, with as many services as a tenth of the audiences."""
    services = audiences // 10
    return {
        "version": 1,
        "services": [
            {"name": f"Service {number}", "owner": "team", "trust_group": "all"} for number in range(services)
        ],
        "audiences": [
            {
                "identifier": f"https://a{number}.example",
                "service": f"Service {number % services}",
                "scopes": [{"name": "read"}, {"name": "write"}],
                "extra_claims": {"tier": "gold"},
            }
            for number in range(audiences)
        ],
        "clients": [
            {
                "client_id": f"client-{number}",
                "name": f"Client {number}",
                "grant_types": ["client_credentials"],
            }
            for number in range(clients)
        ],
        "permissions": [
            {
                "client_id": f"client-{number % clients}",
                "audience": f"https://a{(number * 7 + number // clients) % audiences}.example",
                "scopes": ["read", "write"],
                "default_scopes": ["read"],
            }
            for number in range(permissions)
        ],
    }


@pytest.fixture
def statements(engine):
    """Give the list to which every statement adds itself."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("audiences", "clients", "permissions"),
    [(20, 20, 200), pytest.param(1000, 1000, 10_000, marks=pytest.mark.soak)],
    ids=["small", "large"],
)
def test_statements_are_bounded(registrar, statements, capsys, audiences, clients, permissions):
    figures = {}

    def measure(name, call, *arguments):
        statements.clear()
        begun = time.process_time()
        found = call(*arguments)
        figures[name] = (time.process_time() - begun, len(statements))
        return found

    raw = measure("write the text", text.write, large(audiences, clients, permissions)).encode()
    document = measure("read the text", lambda: form.read(text.read(raw)))
    measure("apply to an empty registry", apply.apply, registrar, document)
    again = measure("apply again", apply.apply, registrar, document)
    exported = measure("export", export.export, registrar)
    emptied = form.read({**form.write(exported), "permissions": []})
    measure("revoke all permissions", apply.apply, registrar, emptied, Pruning.ANYTHING)
    with capsys.disabled():
        sys.stdout.write(f"\n{audiences} audiences, {clients} clients, {permissions} permissions:\n")
        for name, (seconds, count) in figures.items():
            sys.stdout.write(f"  {name}: {seconds:.2f} s of CPU, {count} statements\n")

    assert again.differences == ()
    assert figures["export"][1] <= MOST_FOR_ALL
    assert figures["apply again"][1] <= MOST_FOR_ALL
    assert figures["apply to an empty registry"][1] <= (
        MOST_FOR_ALL
        + MOST_FOR_A_SERVICE * audiences // 10
        + MOST_FOR_AN_AUDIENCE * audiences
        + MOST_FOR_A_CLIENT * clients
    )
