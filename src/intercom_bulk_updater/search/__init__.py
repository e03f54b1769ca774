"""What to find: queries, paginated endpoints, lists of ids."""
