"""Commands of `issuer key` that keep keys and show them: their public halves, their seals, who knows them."""

import click

from issuer import master_key
from issuer.cli import documents, output
from issuer.cli.command import Command
from issuer.cli.desk import Desk
from issuer.cli.output import Answer
from issuer.registry import key_export, key_readiness, key_rewrap
from issuer.registry.key_readiness import Readiness
from issuer.registry.key_rewrap import Rewrap


@click.command("show", cls=Command)
@click.argument("kid")
@click.option("--pem", "is_pem", is_flag=True, help="As PEM instead of a JWK.")
@click.pass_obj
def show(desk: Desk, kid: str, is_pem: bool) -> Answer:
    """Print the public half of a key, for a verifier that is given it by hand.

    Fields: as of `key list`, and public_jwk, public_pem.
    """
    with desk.registry() as instance:
        found = key_export.find_public_key(instance.registrar, kid)
        fields = documents.of_key(found.stored, instance.clock.now())
    jwk = dict(found.stored.public_jwk or {})
    text = found.pem.rstrip("\n") if is_pem else output.as_document(jwk)
    return Answer({**fields, "public_jwk": jwk, "public_pem": found.pem}, text)


@click.command("readiness", cls=Command)
@click.pass_obj
def readiness(desk: Desk) -> Answer:
    """Tell of each key that waits or signs whether services know it, and who has fetched it.

    Fields: kid, alg, purpose, audience_id, state, published_at, signs_from, horizon (when caches from before
    it have run out), is_safe, wait_until, reason, fetched and missing (user_agent, first_at, last_at, count).
    """
    with desk.registry() as instance:
        found = key_readiness.list_readiness(instance.registrar)
        shown = [documents.of_readiness(one, instance.clock.now()) for one in found]
    return Answer({"items": shown}, "\n\n".join(map(_readiness_as_text, found)))


def _readiness_as_text(one: Readiness) -> str:
    verdict = "yes" if one.is_safe else f"wait until {output.utc(one.wait_until)}"
    lines = [f"{one.key.alg}: {one.key.kid}", f"  safe to sign: {verdict}", f"  {one.reason}"]
    for title, fetches in (("fetched since", one.fetched), ("fetched lately, not since", one.missing)):
        lines += [f"  {title}: {each.user_agent}, last at {output.utc(each.last_at)}" for each in fetches]
    return "\n".join(lines)


@click.command("rewrap", cls=Command)
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Tell what would be done, write nothing.")
@click.pass_obj
def rewrap(desk: Desk, is_rehearsal: bool) -> Answer:
    """Seal every key anew under the first master key of ISSUER_MASTER_KEY.

    May be killed and run again at any time. Fields: items (kid, purpose, alg, and the master_key_id it was
    under before), master_keys (master_key_id, place in the list, keys: how many are under it now),
    may_drop_others.
    """
    with desk.registry() as instance:
        master_keys = master_key.find_or_make_master_key(instance.settings, instance.entropy)
        act = key_rewrap.rehearse if is_rehearsal else key_rewrap.rewrap
        found = act(instance.registrar, master_keys)
    holdings: list[dict[str, object]] = [
        {"master_key_id": one.master_key_id, "place": one.place, "keys": one.keys} for one in found.holdings
    ]
    items = [
        {"kid": one.kid, "purpose": one.purpose.value, "alg": one.alg, "master_key_id": one.master_key_id}
        for one in found.rewrapped
    ]
    document = {"items": items, "master_keys": holdings, "may_drop_others": found.may_drop_others}
    table = output.as_table(("master_key_id", "place", "keys"), [list(each.values()) for each in holdings])
    return Answer(document, table, _tell_rewrap(found, is_rehearsal))


def _tell_rewrap(found: Rewrap, is_rehearsal: bool) -> tuple[str, ...]:
    count = len(found.rewrapped)
    done = f"{count} keys {'would be' if is_rehearsal else 'were'} sealed anew under the first master key."
    if not found.may_drop_others:
        return (done, "The other master keys are still needed: run `issuer key rewrap`.")
    if len(found.holdings) == 1:
        return (done,)
    note = (
        "No key in this database needs the other master keys. Drop them from ISSUER_MASTER_KEY when every "
        "server has been started with the new list; backups made until now can be read only with them."
    )
    return done, note


COMMANDS = (show, readiness, rewrap)
