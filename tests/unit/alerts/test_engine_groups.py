"""Rules of groups, while boards join and leave and rules move from one group to another."""

from __future__ import annotations

from tests.unit.alerts.test_engine import World, rule


def test_a_board_that_joins_is_watched_by_the_rules_about_what_it_has_reported() -> None:
    cold = rule(device=None, group="barn")
    dry = rule("dry", device=None, group="barn", value="moisture")
    away = rule("away", "offline", group="barn")
    world = World(cold, dry, away, rule("here"), boards={"greenhouse": ()})
    world.reads(1)

    before = world.changes
    world.link("greenhouse", True, ("barn",))
    joined = world.changes
    world.reads(1, name="moisture")
    world.link("greenhouse", False, ("barn",))
    reported = world.changes
    world.link("greenhouse", False, ())

    assert before == [("here", "greenhouse", True)]
    assert joined == [("cold", "greenhouse", True)]
    assert reported == [("dry", "greenhouse", True), ("away", "greenhouse", True)]
    assert sorted(world.changes) == [(name, "greenhouse", False) for name in ("away", "cold", "dry")]
    assert world.engine.is_active(("here", "greenhouse"))


def test_a_board_that_leaves_before_it_is_its_turn_is_not_watched_by_a_rule_as_it_was() -> None:
    world = World(rule(device=None, group="barn"), boards={"greenhouse": ("barn", "hall")})
    world.reads(1)
    began = world.changes

    steps = world.engine.put_by_device(rule(device=None, group="attic", value="light"), world.now_s)
    world.link("greenhouse", True, ("hall",))
    left = world.changes
    for _ in steps:
        pass

    assert (began, left) == ([("cold", "greenhouse", True)], [("cold", "greenhouse", False)])
    assert world.changes == []


def test_values_of_boards_are_wanted_while_a_rule_is_about_one() -> None:
    world = World(rule("away", "offline", device="greenhouse"))
    without = world.engine.has_rules_about_values
    world.engine.put_rule(rule(), world.now_s)
    with_one = world.engine.has_rules_about_values
    world.engine.put_rule(rule("cold", "offline", device="greenhouse"), world.now_s)

    assert (without, with_one, world.engine.has_rules_about_values) == (False, True, False)
