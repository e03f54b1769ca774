"""What can be done to companies."""
