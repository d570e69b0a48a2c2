"""Tables of a release, whatever file they are in, as polars frames.

Kinds: `csv`, `tsv`, `blanks` (values between spaces or tabs), `json` (a list of objects, or an
object of objects), `jsonl`, `xlsx`, `parquet`; the text ones may be compressed with gzip. Every
column is text and what is empty is null, unless `dtypes` says otherwise; only Parquet keeps its own
types. Values of JSON that are no text are their JSON text; state a List or a Struct in `dtypes` to
have them so. A row of another length is an error, never cut or filled.
"""

from medshelf.formats.tables.reading import read_table, scan_table

__all__ = ["read_table", "scan_table"]
