"""The two board modules: what they tell about the hardware."""

import unittest

import machine

import firmware.esp32cam.board as esp32cam
import firmware.pico.board as pico

PERSIAN_NEW_YEAR_S = 1774017600


class Both(unittest.TestCase):
    """What every board can do."""

    def test_clock_is_set_in_utc_whatever_the_epoch_of_the_port(self):
        for board in (pico, esp32cam):
            machine.clock.clear()

            self.assertTrue(board.set_clock(PERSIAN_NEW_YEAR_S))
            self.assertEqual(machine.clock, [(2026, 3, 20, 4, 14, 40, 0, 0)])

    def test_time_that_cannot_be_is_not_set(self):
        for board in (pico, esp32cam):
            for unix_s in (0, 1577836799, 0x80000000, 99999999999):
                machine.clock.clear()

                self.assertFalse(board.set_clock(unix_s))
                self.assertEqual(machine.clock, [])

    def test_number_of_the_board_is_hexadecimal(self):
        for board in (pico, esp32cam):
            self.assertEqual(board.unique_id(), "246f28000abc")

    def test_watchdog_never_waits_longer_than_the_board_can(self):
        for board in (pico, esp32cam):
            self.assertEqual(board.start_watchdog(5000).timeout, 5000)
            self.assertEqual(board.start_watchdog(board.WATCHDOG_MS_MAX + 1).timeout, board.WATCHDOG_MS_MAX)

    def test_cause_that_is_not_in_the_table_is_unknown(self):
        machine.causes.append(99)

        self.assertEqual((pico.reset_cause(), esp32cam.reset_cause()), ("unknown", "unknown"))


class Pico(unittest.TestCase):
    """The Pico W."""

    def test_led_is_lit_and_put_out(self):
        for on in (True, False):
            pico.set_led(on)

            self.assertEqual(machine.levels["LED"], int(on))

    def test_temperature_is_that_of_the_datasheet(self):
        for volts, degrees in ((0.706, 27.0), (0.706 - 10 * 0.001721, 37.0), (0.706 + 20 * 0.001721, 7.0)):
            machine.readings_u16[4] = round(volts * 65535 / 3.3)

            self.assertLessEqual(abs(pico.temperature_c() - degrees), 0.1)

    def test_reset_by_the_watchdog_is_not_claimed_for_certain(self):
        for cause, word in ((machine.PWRON_RESET, "power_on"), (machine.WDT_RESET, "reset_or_watchdog")):
            machine.causes.append(cause)

            self.assertEqual(pico.reset_cause(), word)

    def test_power_saving_is_off(self):
        self.assertEqual(pico.WIFI_POWER_SAVE & 15, 0)


class Esp32cam(unittest.TestCase):
    """The ESP32-CAM."""

    def test_led_is_lit_by_a_low_pin(self):
        for on, level in ((True, 0), (False, 1)):
            esp32cam.set_led(on)

            self.assertEqual(machine.levels[33], level)

    def test_flash_is_lit_by_a_high_pin(self):
        for on, level in ((True, 1), (False, 0)):
            esp32cam.set_flash(on)

            self.assertEqual(machine.levels[4], level)

    def test_camera_loses_its_power_by_a_high_pin(self):
        for on, level in ((False, 1), (True, 0)):
            esp32cam.power_camera(on)

            self.assertEqual(machine.levels[32], level)

    def test_causes_have_words(self):
        words = ("power_on", "reset", "watchdog", "deep_sleep", "soft_reset")
        for cause in range(1, 6):
            machine.causes.append(cause)

            self.assertEqual(esp32cam.reset_cause(), words[cause - 1])
