"""What earlier users were promised, as they were told it."""
