"""One module per family of models; a new one is found because it is there.

Each offers `names() -> list[str]`, what can be listed; `find(name: str) -> Model | None`, what a
name of the family says, without importing anything heavy; and, if it makes networks,
`build(name: str, protocol: Protocol, n_outputs: int) -> nn.Module`.
"""
