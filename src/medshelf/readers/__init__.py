"""One module per raw layout: read(root, meta, **options) -> Manifest. Pure; never writes."""
