"""Text from elsewhere, made safe to show and cheap to write."""
