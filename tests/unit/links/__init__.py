"""Tests of the links of devices."""
