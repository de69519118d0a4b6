"""Questions and answers of mDNS: a name's addresses, in whatever packet anybody in the network sends."""

import unittest

from firmware.lib.darvaz.local_name import dump_query, parse_answer, show

ID = b"\x12\x34"
NAME = b"\x06darvaz\x05local\x00"
# A, class IN with "flush", 120 s, four bytes.
RECORD = b"\x00\x01\x80\x01\x00\x00\x00\x78\x00\x04"


def answer(*records, query=b"", flags=b"\x84\x00", query_count=0):
    """Returns a packet with these records as answers."""
    counts = bytes([0, query_count, 0, len(records), 0, 0, 0, 0])
    return ID + flags + counts + query + b"".join(records)


def found(packet, host="darvaz.local"):
    return [show(address) for address in parse_answer(packet, host)]


class Queries(unittest.TestCase):
    """What the board sends."""

    def test_one_question_for_the_address_of_a_name(self):
        self.assertEqual(dump_query(ID, "darvaz.local"), ID + b"\0\0\0\1\0\0\0\0\0\0" + NAME + b"\0\1\0\1")


class Answers(unittest.TestCase):
    """What comes back."""

    def test_an_address_is_found(self):
        self.assertEqual(found(answer(NAME + RECORD + b"\xc0\xa8\x01\x05")), ["192.168.1.5"])

    def test_all_addresses_are_found_behind_the_question_and_by_compressed_names(self):
        records = (b"\xc0\x0c" + RECORD + b"\x0a\x00\x00\x01", b"\xc0\x0c" + RECORD + b"\xac\x11\x00\x01")
        packet = answer(*records, query=NAME + b"\0\1\0\1", query_count=1)
        self.assertEqual(found(packet), ["10.0.0.1", "172.17.0.1"])

    def test_names_are_the_same_in_any_case(self):
        self.assertEqual(found(answer(NAME.upper() + RECORD + b"\1\2\3\4"), "Darvaz.local"), ["1.2.3.4"])

    def test_records_of_others_are_left_out(self):
        other = b"\x05other\x05local\x00"
        ipv6 = NAME + b"\x00\x1c\x80\x01\x00\x00\x00\x78\x00\x10" + bytes(16)
        self.assertEqual(found(answer(other + RECORD + b"\1\2\3\4", ipv6, NAME + RECORD + b"\4\3\2\1")), ["4.3.2.1"])

    def test_a_question_of_another_board_is_no_answer(self):
        self.assertEqual(found(answer(NAME + RECORD + b"\1\2\3\4", flags=b"\0\0")), [])

    def test_a_packet_that_is_cut_off_anywhere_is_told_or_has_nothing(self):
        packet = answer(NAME + RECORD + b"\1\2\3\4")
        for size in range(2, len(packet)):
            with self.assertRaises(IndexError):
                parse_answer(packet[:size], "darvaz.local")

    def test_a_name_that_goes_round_in_circles_ends(self):
        with self.assertRaises(IndexError):
            parse_answer(answer(b"\xc0\x0c" + RECORD + b"\1\2\3\4"), "darvaz.local")

    def test_a_name_that_is_no_text_is_another_name(self):
        self.assertEqual(found(answer(b"\x02\xff\xfe\x00" + RECORD + b"\1\2\3\4")), [])


if __name__ == "__main__":
    unittest.main()
