"""Steps that write an audience inside a transaction, which several of them may share.

They take and return values: who calls has looked them up, and has checked what lies between audiences
(`audience_rules.check_clash`).
"""

from dataclasses import replace

from issuer.errors import Conflict
from issuer.model.audience import Audience, AudienceState
from issuer.model.spelling import SpellingRole
from issuer.policy import extra_claims
from issuer.registry import audience_rules, descriptions, key_lifetimes, spellings
from issuer.registry.registrar import Change, Registrar
from issuer.store import audiences as store
from issuer.store import clients as client_store
from issuer.store import permissions as permission_store
from issuer.store import signing_keys

_ACTIONS = {
    AudienceState.ACTIVE: "audience.enabled",
    AudienceState.DEPRECATED: "audience.deprecated",
    AudienceState.DISABLED: "audience.disabled",
}


def write_added(registrar: Registrar, change: Change, draft: Audience) -> Audience:
    """Register an audience, without aliases or successor, and return it.

    Raises InvalidValue, Locked, or Conflict if the identifier is or ever was taken.
    """
    audience_rules.check(registrar, draft)
    audience_id = store.add_audience(change.connection, draft)
    primary = spellings.new_spelling(draft.identifier, audience_id, SpellingRole.PRIMARY)
    spellings.take(registrar, change.connection, primary, draft.service.id)
    audience = store.require_audience(change.connection, audience_id)
    change.record("audience.added", "audience", audience.identifier, None, descriptions.of_audience(audience))
    key_lifetimes.allow(change, audience.policy)
    # Those who speak for the service may ask about the tokens of all its audiences.
    for client in client_store.list_clients(change.connection, service_id=draft.service.id):
        change.concerns_client(client.key)
    return audience


def write_changed(registrar: Registrar, change: Change, before: Audience, after: Audience) -> Audience:
    """Write description, scopes and policy and return the audience; nothing where nothing differs.

    Raises InvalidValue, or Conflict if a scope that goes is part of a permission (the detail names the
    clients).
    """
    if is_same(before, after):
        return before
    audience_rules.check(registrar, after)
    if before.policy.signing_alg is not after.policy.signing_alg:
        _check_alg(change, before)
    _write_scopes(change, before, after)
    return _write(change, before, after, "audience.changed")


def write_state(change: Change, before: Audience, state: AudienceState, successor: str | None) -> Audience:
    """Put an audience into a state, but that of removed, and return it; nothing where nothing differs.

    successor: the identifier of another audience of a service, or None.
    """
    after = replace(before, state=state, successor=successor)
    return before if is_same(before, after) else _write(change, before, after, _ACTIONS[state])


def write_own_key(change: Change, before: Audience, *, has_own_key: bool) -> Audience:
    """Let an audience have a key of its own or not, and return it; who calls writes the key."""
    return _write(change, before, replace(before, has_own_key=has_own_key), "audience.key_changed")


def is_same(one: Audience, other: Audience) -> bool:
    """Return whether nothing differs; to Python, the claims true and 1 are equal, to a service not."""
    claims = extra_claims.find_clash(one.policy.extra_claims, other.policy.extra_claims)
    return one == other and claims is None


def _check_alg(change: Change, before: Audience) -> None:
    """Refuse another algorithm while the service may trust an own key alone: Conflict.

    It would refuse what the shared key of that algorithm signs.
    """
    if before.has_own_key:
        raise Conflict(
            f"{before.identifier} has a key of its own for {before.policy.signing_alg}: give that up first"
        )
    if signing_keys.may_own_key_sign(change.connection, before.id, change.now):
        raise Conflict(f"the key that {before.identifier} had of its own still signs: see `issuer key list`")


def _write_scopes(change: Change, before: Audience, after: Audience) -> None:
    old = {scope.name: scope for scope in before.scopes}
    new = {scope.name: scope for scope in after.scopes}
    gone = old.keys() - new.keys()
    holders = permission_store.list_holders(change.connection, before.id, gone) if gone else ()
    if holders:
        raise Conflict(f"{', '.join(sorted(gone))} is permitted to {', '.join(holders)}; take it back first")
    store.remove_scopes(change.connection, before.id, gone)
    store.add_scopes(change.connection, before.id, [new[name] for name in new.keys() - old.keys()])
    for name in new.keys() & old.keys():
        if new[name] != old[name]:
            store.change_scope(change.connection, before.id, new[name])


def _write(change: Change, before: Audience, after: Audience, action: str) -> Audience:
    store.change_audience(change.connection, after)
    written = store.require_audience(change.connection, before.id)
    change.concerns_everyone()
    was, is_now = descriptions.of_audience(before), descriptions.of_audience(written)
    change.record(action, "audience", before.identifier, was, is_now)
    key_lifetimes.allow(change, written.policy)
    return written
