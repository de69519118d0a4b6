"""The sensors DHT11 and DHT22 for temperature and humidity, as boards have them in their firmware."""

import machine


class DHTBase:
    """A sensor at a pin: `measure`, then ask for the values."""

    MODEL = 22

    def __init__(self, pin):
        self.pin = pin
        self.buf = bytearray(5)

    def measure(self):
        """Reads the sensor; raises OSError without one."""
        machine.dht_readinto(self.pin, self.buf, self.MODEL)
        if sum(self.buf[:4]) & 0xFF != self.buf[4]:
            raise Exception("checksum error")


class DHT11(DHTBase):
    """Whole degrees and percent."""

    MODEL = 11

    def humidity(self):
        """Returns percent."""
        return self.buf[0]

    def temperature(self):
        """Returns degrees."""
        return self.buf[2]


class DHT22(DHTBase):
    """Tenths of degrees and percent."""

    def humidity(self):
        """Returns percent."""
        return (self.buf[0] << 8 | self.buf[1]) / 10

    def temperature(self):
        """Returns degrees."""
        tenths = (self.buf[2] & 0x7F) << 8 | self.buf[3]
        return (-tenths if self.buf[2] & 0x80 else tenths) / 10
