"""The doctor: the guide's troubleshooting as a program that looks at a gateway as a board would."""

from darvaz.doctor.checks import Patient, examine
from darvaz.doctor.finding import Finding, Outcome
from darvaz.doctor.target import Target, TargetError, parse_target

__all__ = ["Finding", "Outcome", "Patient", "Target", "TargetError", "examine", "parse_target"]
