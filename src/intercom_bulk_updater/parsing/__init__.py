"""What people type: amounts and dates."""
