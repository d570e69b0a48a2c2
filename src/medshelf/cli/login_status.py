"""`medshelf login-status`."""

from __future__ import annotations

from medshelf.cli.output import Json, print_json, start


def run(json: Json = False) -> None:
    """Say for which platforms a credential is at hand, and where; never what it is."""
    start(quiet=False)
    from dataclasses import asdict

    from medshelf import api

    found = api.login_status()
    if json:
        print_json([asdict(each) for each in found])
        return
    for each in found:
        state = f"found in {each.source}" if each.source else f"none. {each.setup} ({each.page})"
        print(f"{each.name}: {state}")
        if each.problem:
            print(f"  {each.problem}")
