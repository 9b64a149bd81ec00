"""Any sequence of what clients, thieves, admins and clocks do to a family keeps its rules.

A model says what each request must be answered; the database must agree with it after every step:
there is one current generation, no generation ever has two different successors, an ended family never
comes back, and no refusal changes anything, but for the reuse that ends a family.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from issuer.registry import audiences, clients
from issuer.registry.clients import ClientChange
from tests.oauth.holders import (
    BILLING,
    INTROSPECT,
    ORDERS,
    REVOKE,
    add_holder,
    begin,
    claims_of,
    dump,
    present,
    refresh,
    refresh_token_of,
)
from tests.oauth.world import (
    ON_BOTH_DATABASES,
    Answer,
    Credentials,
    OpenWorld,
    World,
    database_url,
    loaded_keys,
    open_world,
)

__all__ = ["database_url", "loaded_keys", "open_world"]

DAY = 86_400
GRACE = 10
ACCESS_SECONDS = 900
ASKED: dict[str, tuple[dict[str, str], str]] = {
    "all": ({}, ""),
    "one": ({"resource": ORDERS}, ""),
    "a scope": ({"scope": "read"}, ""),
    "another target": ({"resource": "https://other.example"}, "invalid_target"),
    "another scope": ({"resource": ORDERS, "scope": "pay"}, "invalid_scope"),
}
PROCESSES = st.sampled_from([0, 1])
SHORT = [0, 5, 9, 10, 11, -9, -10, -11]
LONG = [60, 3600, DAY, 13 * DAY, 14 * DAY, 30 * DAY, -3600]


@dataclass(slots=True)
class Setting:
    """What all examples share. worlds: two processes on one database."""

    worlds: tuple[World, World]
    holder: Credentials
    thief: Credentials
    api: Credentials

    def look(self) -> None:
        """Let both processes see what admins changed."""
        for world in self.worlds:
            world.look()


@dataclass(slots=True)
class Model:
    """What a family must be. tokens: every refresh token seen, by generation."""

    id: str
    tokens: dict[int, str]
    rotated_at: int
    has_ended: bool = False
    is_client_enabled: bool = True
    is_switched: bool = True
    is_billing_enabled: bool = True
    access: list[Answer] = field(default_factory=list)

    @property
    def generation(self) -> int:
        """The current generation."""
        return max(self.tokens)

    def expect(self, generation: int, asked: str, now: int) -> str:
        """Return what a request must be answered: next, again, reuse, or the error of a refusal."""
        refused = self._refuse(generation, asked, now)
        if refused:
            return refused
        if generation == self.generation:
            return "next"
        is_last = generation == self.generation - 1
        return "again" if is_last and abs(now - self.rotated_at) <= GRACE else "reuse"

    def _refuse(self, generation: int, asked: str, now: int) -> str:
        parameters, error = ASKED[asked]
        is_billing_asked = "resource" not in parameters
        has_expired = claims_of(self.tokens[generation])["exp"] <= now
        # In the order in which the token endpoint looks.
        reasons = [
            (not self.is_client_enabled, "invalid_client"),
            (has_expired or not self.is_switched, "invalid_grant"),
            (error == "invalid_target", error),
            (is_billing_asked and not self.is_billing_enabled, "invalid_grant"),
            (bool(error), error),
            (self.has_ended, "invalid_grant"),
        ]
        return next((answer for holds, answer in reasons if holds), "")


class FamilyMachine(RuleBasedStateMachine):
    """What hypothesis drives through a setting, through either of its processes."""

    setting: ClassVar[Setting]
    model: Model

    @property
    def now(self) -> int:
        """The time of both processes."""
        return self.setting.worlds[0].parts.clock.now()

    @initialize(which=PROCESSES)
    def begin_family(self, which: int) -> None:
        answer = begin(self.setting.worlds[which], self.setting.holder)
        token = refresh_token_of(answer)
        self.model = Model(claims_of(token)["family"], {1: token}, self.now, access=[answer])

    @precondition(lambda self: self.model.has_ended)
    @rule(which=PROCESSES)
    def begin_another_family(self, which: int) -> None:
        self.teardown()
        self.begin_family(which)

    @rule(which=PROCESSES, asked=st.sampled_from(list(ASKED)))
    def refresh(self, which: int, asked: str) -> None:
        self._refresh(which, self.model.generation, asked)

    @rule(which=PROCESSES, asked=st.sampled_from(list(ASKED)), seconds=st.sampled_from(SHORT))
    def ask_again(self, which: int, asked: str, seconds: int) -> None:
        self.time_passes(seconds)
        self._refresh(which, max(1, self.model.generation - 1), asked)

    @rule(which=PROCESSES, back=st.integers(0, 3), asked=st.sampled_from(list(ASKED)))
    def refresh_with_any(self, which: int, back: int, asked: str) -> None:
        self._refresh(which, max(1, self.model.generation - back), asked)

    @rule(which=PROCESSES, back=st.integers(0, 3), path=st.sampled_from(["", REVOKE]))
    def thief_tries(self, which: int, back: int, path: str) -> None:
        world, thief = self.setting.worlds[which], self.setting.thief
        token = self.model.tokens[max(1, self.model.generation - back)]

        answer = present(world, path, thief, token) if path else refresh(world, thief, token)

        assert answer.json["error"] == ("unauthorized_client" if path else "invalid_grant")

    @rule(which=PROCESSES, back=st.integers(0, 3))
    def revoke(self, which: int, back: int) -> None:
        model = self.model
        token = model.tokens[max(1, model.generation - back)]

        answer = present(self.setting.worlds[which], REVOKE, self.setting.holder, token)

        assert answer.status == (200 if model.is_client_enabled else 401)
        model.has_ended |= model.is_client_enabled

    @rule(seconds=st.sampled_from([*SHORT, *LONG]))
    def time_passes(self, seconds: int) -> None:
        self.setting.worlds[0].parts.clock.step(seconds)
        self.setting.look()

    @rule(what=st.sampled_from(["client", "switch", "billing"]))
    def admin_turns(self, what: str) -> None:
        registrar, client_id = self.setting.worlds[0].registrar, self.setting.holder.client_id
        model = self.model
        if what == "client":
            change = clients.disable_client if model.is_client_enabled else clients.enable_client
            change(registrar, client_id)
            model.is_client_enabled ^= True
        elif what == "switch":
            model.is_switched ^= True
            wanted = ClientChange(may_use_offline_access=model.is_switched)
            clients.change_client(registrar, client_id, wanted)
        else:
            turn = audiences.disable_audience if model.is_billing_enabled else audiences.enable_audience
            turn(registrar, BILLING)
            model.is_billing_enabled ^= True
        self.setting.look()

    @invariant()
    def failures_are_forgotten(self) -> None:
        # A disabled client that goes on asking would be locked out: another rule than these.
        for world in self.setting.worlds:
            world.forgive()

    @invariant()
    def the_database_is_as_the_model_says(self) -> None:
        (stored,) = [row for row in dump(self.setting.worlds[0])["family"] if row["id"] == self.model.id]

        assert (stored["generation"], stored["ended_at"] is not None, stored["rotated_at"]) == (
            self.model.generation,
            self.model.has_ended,
            self.model.rotated_at,
        )

    @invariant()
    def access_tokens_live_and_die_with_their_family(self) -> None:
        for process, answer in zip(self.setting.worlds, self.model.access[-2:], strict=False):
            is_alive = (
                not self.model.has_ended
                and self.model.is_client_enabled
                and answer.claims["exp"] > self.now
                and (self.model.is_billing_enabled or ORDERS in answer.aud)
            )
            assert present(process, INTROSPECT, self.setting.api, answer.token).json["active"] is is_alive

    def teardown(self) -> None:
        """Turn on again what an admin has turned off."""
        model = self.model
        states = {
            "client": model.is_client_enabled,
            "switch": model.is_switched,
            "billing": model.is_billing_enabled,
        }
        for what in [what for what, is_on in states.items() if not is_on]:
            self.admin_turns(what)

    def _refresh(self, which: int, generation: int, asked: str) -> None:
        world, model = self.setting.worlds[which], self.model
        expected = model.expect(generation, asked, self.now)

        answer = refresh(world, self.setting.holder, model.tokens[generation], **ASKED[asked][0])

        if expected in {"next", "again"}:
            self._take(answer, is_next=expected == "next")
            return
        model.has_ended |= expected == "reuse"
        assert answer.json["error"] == ("invalid_grant" if expected == "reuse" else expected)

    def _take(self, answer: Answer, *, is_next: bool) -> None:
        token, model = refresh_token_of(answer), self.model
        generation = model.generation + is_next
        # The same bytes whenever it is made again: no generation has two different successors.
        assert model.tokens.setdefault(generation, token) == token
        assert claims_of(token)["generation"] == generation
        assert answer.claims["family"] == model.id
        model.rotated_at = self.now if is_next else model.rotated_at
        model.access.append(answer)


@pytest.fixture
def setting(open_world: OpenWorld) -> Setting:
    """Give two processes on one database, the holder of families, a thief and the service's client."""
    world = open_world()
    world.add_audience(ORDERS, "read", "write")
    world.add_audience(BILLING, "pay")
    holder, thief = add_holder(world), add_holder(world, "Thief")
    made = Setting((world, open_world()), holder, thief, world.add_client("Shop API", service="Shop"))
    made.look()
    return made


def _run(setting: Setting, max_examples: int, *, derandomize: bool) -> None:
    run_state_machine_as_test(
        type("Machine", (FamilyMachine,), {"setting": setting}),
        settings=settings(
            max_examples=max_examples,
            stateful_step_count=30,
            derandomize=derandomize,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@ON_BOTH_DATABASES
def test_any_sequence_keeps_the_rules_of_a_family(setting: Setting):
    _run(setting, 40, derandomize=True)


@pytest.mark.soak
@ON_BOTH_DATABASES
def test_a_thousand_sequences_keep_the_rules_of_a_family(setting: Setting):
    _run(setting, 1000, derandomize=False)
