"""Telemetry that waits in a full outbox is thinned by age: what goes, what stays, and what is counted."""

import json
import unittest

from firmware.lib.darvaz import outbox

RING_BYTES = 2048


def report(seq, **values):
    """Returns a report as a device makes it, ten a second."""
    message = {"type": "telemetry", "values": values, "uptime_ms": seq * 100, "seq": seq}
    return json.dumps(message, separators=(",", ":")).encode()


def waiting(box):
    """Returns the messages that wait, in order."""
    messages = []
    message = box.next()
    while message is not None:
        messages.append(json.loads(bytes(message).decode()))
        box.advance()
        message = box.next()
    return messages


class Thinning(unittest.TestCase):
    """An outage that is longer than the ring."""

    def setUp(self):
        self.box = outbox.Outbox(512, RING_BYTES)

    def numbers(self, name):
        return [message["seq"] for message in waiting(self.box) if name in message.get("values", {})]

    def test_nothing_goes_while_there_is_room(self):
        for seq in range(30):
            self.box.append(report(seq, a=seq))

        self.assertEqual((self.numbers("a"), self.box.thinned), (list(range(30)), 0))

    def test_whole_outage_stays_and_old_reports_are_further_apart_than_new_ones(self):
        for seq in range(600):
            self.box.append(report(seq, a=seq))

        kept = self.numbers("a")
        gaps = [kept[at + 1] - kept[at] for at in range(len(kept) - 1)]
        self.assertEqual((kept[0], kept[-1]), (0, 599))
        self.assertEqual(gaps[-1], 1)
        # No further than the age of the newer of the two.
        self.assertEqual([at for at, gap in enumerate(gaps) if gap > max(1, 599 - kept[at + 1])], [])
        self.assertEqual(self.box.thinned + self.box.lost, 600 - len(kept))

    def test_newest_of_each_name_stays_however_often_another_is_reported(self):
        self.box.append(report(0, rare=1))
        self.box.append(report(1, other=2, more=3))
        for seq in range(2, 300):
            self.box.append(report(seq, often=seq))

        self.assertEqual(self.numbers("rare")[-1], 0)

    def test_logs_stay_before_reports(self):
        for seq in range(5):
            self.box.append(b'{"type":"log","seq":%d}' % seq)
        for seq in range(5, 200):
            self.box.append(report(seq, a=seq))

        logs = [message["seq"] for message in waiting(self.box) if message["type"] == "log"]
        self.assertEqual(logs, [0, 1, 2, 3, 4])

    def test_only_logs_drop_the_oldest(self):
        for seq in range(100):
            self.box.append(b'{"type":"log","seq":%d}' % seq)

        kept = [message["seq"] for message in waiting(self.box)]
        self.assertEqual(kept, list(range(100 - len(kept), 100)))
        self.assertEqual((self.box.thinned, self.box.lost), (0, 100 - len(kept)))

    def test_what_was_written_goes_first(self):
        for seq in range(30):
            self.box.append(report(seq, a=seq))
        waiting(self.box)
        for seq in range(30, 60):
            self.box.append(report(seq, a=seq))

        self.assertEqual((self.box.thinned, self.numbers("a")), (0, list(range(30, 60))))

    def test_message_that_is_being_written_is_not_lost_by_thinning(self):
        for seq in range(40):
            self.box.append(report(seq, a=seq))
        self.box.next()
        for seq in range(40, 60):
            self.box.append(report(seq, a=seq))
        before = self.box.next()
        self.box.rewind()

        self.assertEqual(self.box.next(), before)
        self.assertTrue(self.box.thinned)
