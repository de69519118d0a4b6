"""What every store must do, whatever program keeps it; an implementation is a fixture."""
