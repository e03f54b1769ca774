"""`python -m intercom_bulk_updater`."""

from .cli.main import main

main()
