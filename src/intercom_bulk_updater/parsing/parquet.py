"""Parquet by pyarrow (https://arrow.apache.org/docs/python/), which is an extra: loaded when a file of that kind is named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import UsageError


def pyarrow() -> Any:
    """The library. Raises UsageError where it is not installed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs the library pyarrow, which is not installed: pip install 'intercom-bulk-updater[parquet]'. "
            "Nothing was done; .csv, .xlsx and .jsonl need nothing more."
        ) from None
    return pyarrow


def is_parquet(raw: bytes) -> bool:
    """Whether a file is one, by its first bytes."""
    return raw.startswith(b"PAR1")


def parquet_rows(raw: bytes, name: str) -> Iterator[list[Any]]:
    """The names of the columns, then the values of each row. Raises UsageError for a file that is broken."""
    arrow = pyarrow()
    try:
        file = arrow.parquet.ParquetFile(arrow.BufferReader(raw))
        yield list(file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=1000):
            yield from map(list, zip(*(column.to_pylist() for column in batch.columns), strict=True))
    except (arrow.ArrowException, OSError) as exc:
        raise UsageError(f"{name} cannot be read: it is a broken Parquet file ({exc}). Write it again.") from None
