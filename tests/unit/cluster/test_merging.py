"""Two versions of a row become one that is safe: a table of cases."""

from __future__ import annotations

from darvaz.gateway.cluster.merging import Row, is_shared, merged, shared_part

COLUMNS = ("id", "device", "label", "revoked_s", "last_used_s", "last_address")


def token(**fields: object) -> Row:
    return dict.fromkeys(COLUMNS) | {"id": "a"} | fields


def test_what_was_revoked_at_either_gateway_is_revoked() -> None:
    for here, there in ((5.0, None), (None, 5.0)):
        assert merged("tokens", token(revoked_s=here), token(revoked_s=there), COLUMNS)["revoked_s"] == 5.0


def test_a_token_keeps_the_device_that_the_first_entry_bound_it_to() -> None:
    assert merged("tokens", token(device="x"), token(device="y"), COLUMNS)["device"] == "y"
    assert merged("tokens", token(device="x"), token(), COLUMNS)["device"] == "x"


def test_uses_are_each_gateways_own() -> None:
    row = merged("tokens", token(last_used_s=7.0, label="old"), token(last_used_s=1.0, label="new"), COLUMNS)

    assert (row["last_used_s"], row["label"]) == (7.0, "new")
    assert "last_used_s" not in shared_part("tokens", row)


def test_columns_of_other_versions_are_left_out_or_empty() -> None:
    row = merged("tokens", None, {"id": "a", "colour": "red"}, COLUMNS)

    assert tuple(row) == COLUMNS and row["label"] is None


def test_a_new_session_counts_as_used_when_it_was_opened() -> None:
    row = merged("sessions", None, {"id": "s", "created_s": 3.0}, ("id", "created_s", "last_used_s"))

    assert row["last_used_s"] == 3.0


def test_a_counter_of_updates_never_falls_and_the_key_is_that_of_the_cluster() -> None:
    columns = ("device", "key", "counter")
    rows: list[Row] = [
        {"device": "d", "key": key, "counter": counter} for key, counter in ((b"here", 9), (b"there", 7))
    ]

    row = merged("update_keys", rows[0], rows[1], columns)

    assert (row["key"], row["counter"]) == (b"there", 9)


def test_only_settings_about_enrolment_and_the_key_are_shared() -> None:
    assert all(is_shared("settings", key) for key in ("enrolment_until_s", "signing_key", "push_key"))
    assert not is_shared("settings", "sign_in_address") and not is_shared("devices", "x")
