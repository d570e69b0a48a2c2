"""One module per kind of source, found by the scheme of a file's URL.

Each offers one of two functions. `resolve(file: FileRecord, settings: Settings) ->
tuple[RemoteFile, ...]` says which files an entry is: exactly one, or, where its name is a pattern,
all that the platform lists, sorted by name; the engine brings them. Or `fetch(file: FileRecord,
target: Path, settings: Settings) -> None` fills `target`, a part path, itself or raises.

Addresses are `SCHEME:WHAT/FILE`, as the first line of each module says; a name with odd characters
may be written with `%20`. `MEDSHELF_<PLATFORM>_ENDPOINT` names another server for each.
"""
