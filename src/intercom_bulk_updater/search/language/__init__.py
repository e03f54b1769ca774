"""The filter language of `--where`: parser, compiler, fields."""
