"""What people type, and the files that they name: amounts, dates, ids, sheets, variables."""
