"""Pictures that are nearly the same: hashes that are near each other, and a second look at them."""

from medshelf.imaging.near.pairs import Groups, Pairs, groups, pairs_between, pairs_within
from medshelf.imaging.near.same import SAME_FROM, same_picture
from medshelf.imaging.near.twins import VIEWS, Twins, twins, twins_between

__all__ = [
    "SAME_FROM",
    "VIEWS",
    "Groups",
    "Pairs",
    "Twins",
    "groups",
    "pairs_between",
    "pairs_within",
    "same_picture",
    "twins",
    "twins_between",
]
