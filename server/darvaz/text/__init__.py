"""Text of other programs, made safe to show in terminals and line formats."""
