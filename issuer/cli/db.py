"""`issuer db`: the schema of the database."""

import click

from issuer import addresses, config
from issuer.cli import desk as desks
from issuer.cli import output
from issuer.cli.command import Noun
from issuer.cli.desk import Desk, Instance
from issuer.cli.output import Answer, Document
from issuer.errors import SchemaDiffers
from issuer.registry import issuer_url
from issuer.store import schema


@click.group("db", cls=Noun)
def db() -> None:
    """The schema of the database. Fields: revision (null where there is none), head, is_at_head."""


@db.command("upgrade")
@click.pass_obj
def upgrade(desk: Desk) -> Answer:
    """Bring the schema to what this program needs; does nothing where it is."""
    with desk.installation() as instance:
        if instance.settings.is_embedded:
            config.ensure_data_dir(instance.settings)
        schema.set_write_ahead_log(instance.engine)
        schema.upgrade(instance.engine)
        # A URL that nobody set is no reason to move a server that has one.
        if instance.settings.is_url_set or not issuer_url.is_served(instance.engine):
            issuer_url.align(instance.engine, instance.settings.url, instance.clock)
        return output.fields_answer(_describe(instance))


@db.command("current")
@click.pass_obj
def current(desk: Desk) -> Answer:
    """Show which revision the database is at."""
    with desk.installation() as instance:
        return output.fields_answer(_describe(instance))


@db.command("check")
@click.pass_obj
def check(desk: Desk) -> Answer:
    """Say whether the schema is what this program needs, in every table and column."""
    with desk.installation() as instance:
        desks.check_schema(instance)
        differences = schema.list_differences(instance.engine)
        if differences:
            raise SchemaDiffers(f"The tables differ from what this program needs: {'; '.join(differences)}")
        return output.fields_answer(_describe(instance))


@db.command("downgrade")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def downgrade(desk: Desk, revision: str, yes: bool) -> Answer:
    """Bring the schema down to REVISION; `base` empties the database. What newer tables hold is lost."""
    with desk.installation() as instance:
        if not yes:
            name = addresses.mask_database_url(instance.settings.database_url)
            click.confirm(f"Take {name} down to {revision} and lose what is newer?", abort=True, err=True)
        schema.downgrade(instance.engine, revision)
        return output.fields_answer(_describe(instance))


def _describe(instance: Instance) -> Document:
    revision, head = desks.find_revision(instance), schema.head()
    return {"revision": revision, "head": head, "is_at_head": revision == head}
