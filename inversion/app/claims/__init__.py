"""What the parts of a site take for themselves alone; two that take the same are refused before either works."""

from inversion.app.claims.check import check_claims

__all__ = ["check_claims"]
