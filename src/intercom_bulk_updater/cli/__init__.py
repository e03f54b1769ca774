"""The `intercom-bulk` command."""
