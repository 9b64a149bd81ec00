"""The textbook peer: Authlib on Flask-SQLAlchemy, put together as Authlib's documentation shows.

Two things are kinder to it than the documentation: the signing key is an object made once, not a
JWK imported at each token, and SQLite runs in WAL mode with synchronous=NORMAL.
"""

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy
from joserfc.jwk import ECKey, KeySet
from sqlalchemy import event

db = SQLAlchemy()


class Client(db.Model, OAuth2ClientMixin):
    """A registered program; its secret stands in clear, as the documentation has it."""

    id = db.Column(db.Integer, primary_key=True)


class Token(db.Model, OAuth2TokenMixin):
    """A token that was issued: a row each, as the documentation's save_token has it."""

    id = db.Column(db.Integer, primary_key=True)
    user_id = db.Column(db.Integer)


class Generator(JWTBearerTokenGenerator):
    """Signs JWT access tokens for one audience with one key."""

    def __init__(self, issuer, keys, audience):
        super().__init__(issuer, alg="ES256")
        self.keys = keys
        self.audience = audience

    def get_jwks(self):
        """Return the key set that signs, as objects."""
        return self.keys

    def get_audiences(self, client, user, scope):
        """Return the one audience there is."""
        return self.audience


def create_app(database, issuer, client_id, client_secret, scope, audience):
    """Return the application, with a fresh key and one client in a new database."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{database}"
    db.init_app(app)
    keys = KeySet([ECKey.generate_key("P-256", auto_kid=True)])
    with app.app_context():
        event.listen(db.engine, "connect", _set_pragmas)
        db.create_all()
        db.session.add(_make_client(client_id, client_secret, scope))
        db.session.commit()
        db.engine.dispose()
    server = AuthorizationServer(
        app,
        query_client=create_query_client_func(db.session, Client),
        save_token=create_save_token_func(db.session, Token),
    )
    server.register_grant(ClientCredentialsGrant)
    server.register_token_generator("default", Generator(issuer, keys, audience))
    _add_routes(app, server, keys)
    return app


def _make_client(client_id, client_secret, scope):
    client = Client(client_id=client_id, client_secret=client_secret)
    client.set_client_metadata(
        {
            "grant_types": ["client_credentials"],
            "scope": scope,
            "token_endpoint_auth_method": "client_secret_basic",
        }
    )
    return client


def _add_routes(app, server, keys):
    @app.post("/oauth/token")
    def issue_token():
        return server.create_token_response()

    @app.get("/.well-known/jwks.json")
    def show_keys():
        return jsonify(keys.as_dict(private=False))


def _set_pragmas(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
