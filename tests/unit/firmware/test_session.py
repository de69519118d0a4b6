"""The board's session: what it sends, how it handles what it receives, and when it gives up."""

import json
import unittest

from firmware.lib.darvaz import session

INTRODUCTION = {"type": "connect", "device": "pan-tilt"}
WELCOME = {"type": "connection_ack", "status": "success", "message": "hello", "time": 1790000000}


def opened(text_bytes_max=512):
    """Returns a session that was welcomed at 0 ms, without pending events and writes."""
    one = session.Session(INTRODUCTION, lambda: {"uptime_s": 5}, text_bytes_max)
    one.open(0)
    one.receive(json.dumps(WELCOME), 0)
    one.events.clear()
    one.writes.clear()
    return one


def written(one):
    """Returns the messages that the session wants to write, and forgets them."""
    messages = [json.loads(data) for data in one.writes]
    one.writes.clear()
    return messages


class Opening(unittest.TestCase):
    """The first messages, each way."""

    def test_board_introduces_itself_first(self):
        one = session.Session(INTRODUCTION, dict, 512)

        one.open(0)

        self.assertEqual(written(one), [INTRODUCTION])

    def test_board_without_a_header_shows_its_token_before_its_name(self):
        one = session.Session(INTRODUCTION, dict, 512)
        auth = {"type": "auth", "token": "dvz_abcdefghij_secret"}

        one.open(0, auth)

        self.assertEqual(written(one), [auth, INTRODUCTION])

    def test_welcome_opens_the_conversation(self):
        one = session.Session(INTRODUCTION, dict, 512)
        one.open(0)

        one.receive(json.dumps(WELCOME), 5)

        self.assertEqual(one.state, session.OPEN)
        self.assertEqual(one.events, [("opened", WELCOME)])

    def test_nothing_is_sent_before_the_welcome(self):
        one = session.Session(INTRODUCTION, dict, 512)
        one.open(0)
        one.writes.clear()

        self.assertFalse(one.send({"type": "log", "message": "too early"}))
        self.assertEqual(one.writes, [])

    def test_command_before_the_welcome_is_not_run(self):
        one = session.Session(INTRODUCTION, dict, 512)
        one.open(0)

        one.receive('{"type":"command","id":1,"name":"pan","args":{}}', 1)

        self.assertEqual(one.events, [])


class Conversation(unittest.TestCase):
    """An open session answers requests."""

    def test_ping_is_answered_with_how_the_board_is(self):
        one = opened()

        one.receive('{"type":"ping","time":1790000000}', 10)

        self.assertEqual(written(one), [{"type": "pong", "uptime_s": 5}])

    def test_command_becomes_an_event(self):
        one = opened()

        one.receive('{"type":"command","id":7,"name":"pan","args":{"angle":90}}', 10)

        self.assertEqual(one.events, [("command", 7, "pan", {"angle": 90})])

    def test_command_that_is_not_understood_is_answered_with_the_reason(self):
        one = opened()

        one.receive('{"type":"command","id":7,"name":"pan","args":{"angle":[1]}}', 10)

        (ack,) = written(one)
        self.assertEqual((ack["type"], ack["id"], ack["status"]), ("ack", 7, "error"))
        self.assertIn("args.angle", ack["message"])

    def test_command_with_an_invalid_id_is_only_a_fault(self):
        for number in ('"7"', "-1", "null", "1.5", "1073741824"):
            one = opened()

            one.receive('{"type":"command","id":%s,"name":"pan","args":{}}' % number, 10)

            self.assertEqual(one.events[0][:2], ("fault", "invalid"))
            self.assertEqual(one.writes, [])

    def test_error_of_the_gateway_is_a_fault_with_its_wait(self):
        one = opened()

        one.receive('{"type":"error","message":"slow down","code":"too_fast","retry_after_s":3}', 10)

        self.assertEqual(one.events, [("fault", "too_fast", "slow down", 3)])

    def test_error_as_the_guide_has_it_is_a_fault_without_code(self):
        one = opened()

        one.receive('{"type":"error","message":"Error description"}', 10)

        self.assertEqual(one.events, [("fault", "", "Error description", None)])

    def test_nonsense_is_a_fault_and_the_session_goes_on(self):
        one = opened()
        for text in ("", "{", "[]", "7", '{"type":7}', '{"type":"teleport"}', '{"type":"error"}', "\x00"):
            one.receive(text, 10)
            self.assertEqual(one.events.pop(0)[0], "fault")

        one.receive('{"type":"ping"}', 11)

        self.assertEqual(written(one)[0]["type"], "pong")

    def test_text_as_long_as_allowed_is_sent(self):
        one = opened(text_bytes_max=64)
        space = 64 - len('{"type":"log","message":""}')

        self.assertTrue(one.send({"type": "log", "message": "x" * space}))

    def test_text_one_byte_longer_is_refused(self):
        one = opened(text_bytes_max=64)
        space = 64 - len('{"type":"log","message":""}')

        with self.assertRaises(ValueError):
            one.send({"type": "log", "message": "x" * (space + 1)})
        self.assertEqual(one.writes, [])

    def test_length_is_counted_in_bytes(self):
        one = opened(text_bytes_max=64)
        space = 64 - len('{"type":"log","message":""}')

        with self.assertRaises(ValueError):
            one.send({"type": "log", "message": "ü" * space})


class Silence(unittest.TestCase):
    """Only received messages keep a session alive."""

    def test_gateway_that_does_not_greet_is_given_up(self):
        one = session.Session(INTRODUCTION, dict, 512)
        one.open(1000)

        one.tick(1000 + session.ANSWER_MS - 1)
        self.assertEqual(one.events, [])
        one.tick(1000 + session.ANSWER_MS)

        self.assertEqual(one.events, [("lost", "the gateway does not greet")])
        self.assertEqual(one.state, session.CLOSED)

    def test_no_ping_is_sent_before_the_handshake_is_done(self):
        one = session.Session(INTRODUCTION, dict, 512)

        one.tick(10**6)

        self.assertEqual((one.events, one.writes), ([], []))

    def test_quiet_gateway_gets_one_ping(self):
        one = opened()

        one.tick(session.QUIET_MS - 1)
        self.assertEqual(one.writes, [])
        one.tick(session.QUIET_MS)
        one.tick(session.QUIET_MS + 1)

        self.assertEqual(written(one), [{"type": "ping"}])

    def test_anything_received_postpones_the_ping(self):
        one = opened()

        one.receive('{"type":"error","message":"x"}', session.QUIET_MS - 1)
        one.tick(session.QUIET_MS + 1)

        self.assertEqual(one.writes, [])

    def test_answer_keeps_the_session(self):
        one = opened()
        one.tick(session.QUIET_MS)

        one.receive('{"type":"pong"}', session.QUIET_MS + 5)
        one.tick(session.QUIET_MS + session.ANSWER_MS + 1)

        self.assertEqual((one.state, one.events), (session.OPEN, []))

    def test_missing_answer_ends_it(self):
        one = opened()
        one.tick(session.QUIET_MS)

        one.tick(session.QUIET_MS + session.ANSWER_MS)

        self.assertEqual(one.events, [("lost", "the gateway does not answer")])

    def test_closed_session_receives_and_sends_nothing(self):
        one = opened()
        one.state = session.CLOSED

        one.receive('{"type":"ping"}', 10)
        one.tick(10**9)

        self.assertFalse(one.send({"type": "log", "message": "x"}))
        self.assertEqual((one.events, one.writes), ([], []))
