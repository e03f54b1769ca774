"""What can be done to contacts."""
