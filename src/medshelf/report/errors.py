"""The error of pages and charts."""

from __future__ import annotations

from medshelf.core.errors import MedshelfError


class ReportError(MedshelfError):
    """Data that a page or a chart cannot show: unequal lengths, no PNG, an unknown kind."""
