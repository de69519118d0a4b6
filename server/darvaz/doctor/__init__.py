"""The doctor: the guide's troubleshooting as a program that connects to a gateway as a board does."""

from darvaz.doctor.checks import DoctorOptions, run_checks
from darvaz.doctor.finding import Finding, StepOutcome
from darvaz.doctor.target import GatewayTarget, TargetError, parse_target

__all__ = ["DoctorOptions", "Finding", "GatewayTarget", "StepOutcome", "TargetError", "parse_target", "run_checks"]
