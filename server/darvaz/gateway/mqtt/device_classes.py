"""The classes of sensors that Home Assistant knows, with their units (its `sensor` integration, release 2026.2)."""

from __future__ import annotations

from darvaz.gateway.devices.entity_kinds import BINARY_CLASSES

_MASS_IN_AIR = "µg/m³"
_SIZES = "bit kbit Mbit Gbit B kB MB GB KiB MiB GiB"
_LENGTHS = "km m cm mm µm mi yd in"
_SPEEDS = "m/s km/h mph kn ft/s mm/s"
_PRESSURES = "Pa hPa kPa bar mbar mmHg psi inHg mPa"
_UNITS: dict[str, str] = {
    "apparent_power": "VA kVA mVA", "aqi": "", "atmospheric_pressure": _PRESSURES, "battery": "%",
    "carbon_dioxide": "ppm", "carbon_monoxide": "ppm ppb", "conductivity": "S/cm mS/cm µS/cm", "current": "A mA",
    "data_size": _SIZES, "distance": _LENGTHS, "duration": "d h min s ms µs", "energy": "Wh kWh MWh mWh J kJ MJ",
    "frequency": "Hz kHz MHz GHz mHz", "gas": "m³ ft³ L", "humidity": "%", "illuminance": "lx", "irradiance": "W/m²",
    "moisture": "%", "nitrogen_dioxide": _MASS_IN_AIR, "ozone": _MASS_IN_AIR, "ph": "", "pm1": _MASS_IN_AIR,
    "pm10": _MASS_IN_AIR, "pm25": _MASS_IN_AIR, "power": "W mW kW MW", "power_factor": "%",
    "precipitation": "cm in mm", "precipitation_intensity": "mm/h mm/d in/h in/d", "pressure": _PRESSURES,
    "signal_strength": "dB dBm", "sound_pressure": "dB dBA", "speed": _SPEEDS, "temperature": "°C °F K",
    "volatile_organic_compounds": _MASS_IN_AIR, "volatile_organic_compounds_parts": "ppm ppb",
    "voltage": "V mV µV kV MV", "volume": "L mL m³ ft³ gal", "volume_flow_rate": "m³/h L/min L/h L/s mL/s gal/min",
    "water": "m³ L gal ft³", "weight": "kg g mg µg oz lb", "wind_direction": "°", "wind_speed": _SPEEDS,
}  # fmt: skip
# Of both a sensor and a binary sensor.
_BOTH = frozenset({"battery", "carbon_monoxide", "gas", "moisture", "power"})


def is_sensor_class(device_class: str, unit: str) -> bool:
    """Returns whether a sensor may have this class and this unit; "" for a sensor without one."""
    units = _UNITS.get(device_class)
    return units is not None and (unit in units.split() or not unit)


def is_binary_class(device_class: str) -> bool:
    """Returns whether a binary sensor may have this class."""
    return device_class in BINARY_CLASSES | _BOTH
