"""Deep links survive signing in and lead nowhere else."""

import pytest

from issuer.pages.return_path import find_return_path


@pytest.mark.parametrize(
    "path", ["/admin", "/admin/", "/admin/audiences", "/admin/audiences/7?q=a%20b&sort=-name", "/admin/a%3Ab"]
)
def test_a_path_of_the_console_is_kept(path: str):
    assert find_return_path(path, "") == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "admin",
        "//evil.example",
        "///evil.example/admin",
        "\\\\evil.example",
        "/\\evil.example",
        "/admin\\@evil",
        "https://evil.example/admin",
        "https:/admin",
        "javascript:alert(1)",
        "data:text/html,x",
        "//admin",
        "/admin//evil.example",
        "/%2e%2e/admin",
        "/admin/../oauth/token",
        "/admin/%2e%2e/x",
        "/admin/%2E/x",
        "/admin/./x",
        "/admin/%252e%252e/x",
        "/admin/%5cevil",
        "/admin/%2f%2fevil",
        "/admin;x/",
        "/admin/x;y",
        "/admin%3bx/",
        "/administrator",
        "/",
        "/oauth/token",
        "/admin\r\nSet-Cookie: a=b",
        "/admin%0d%0aSet-Cookie:a",
        "/admin?x=%0d%0aSet-Cookie",
        "/admin?x=%00",
        "/admin\t/x",
        " /admin",
        "/admin ",
        "/admin\n",
        "/admin#x",
        "/admin/%zz",
        "/admin/%",
        "/admin/\u202e",
        "/admin/\u0430",
        "@evil.example/admin",
        "/admin/" + "x" * 2000,
        "?next=/admin",
        "/admin/%C2%85",
    ],
)
def test_everything_else_is_refused(text: str | None):
    """CWE-601."""
    assert find_return_path(text, "") is None


def test_an_issuer_with_a_path_keeps_below_it():
    assert find_return_path("/auth/admin/clients", "/auth") == "/auth/admin/clients"
    assert find_return_path("/admin/clients", "/auth") is None
    assert find_return_path("/auth/../admin", "/auth") is None
