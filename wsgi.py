"""The WSGI application, for servers other than the one that `issuer serve` starts."""

from issuer.app import serve_app

application = serve_app()
