"""One module per kind of source, found by the scheme of a file's URL.

Each offers `fetch(file: FileRecord, target: Path, settings: Settings) -> None`, which must fill
`target` with the whole file or raise. `target` is a part path, not the final one: the caller holds
the lock, verifies what came and only then gives it its name. An earlier, broken call may have left
`target` behind; a host goes on from it or overwrites it.
"""
