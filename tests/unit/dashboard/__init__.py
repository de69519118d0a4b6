"""Unit tests of the dashboard's modules, in JavaScript: `node --test tests/unit/dashboard/`."""
