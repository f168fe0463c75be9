"""`inversion validate`: recordings whose truth is known through the pipeline, and how good its answers are."""

from inversion.app.validate.write import validate_to

__all__ = ["validate_to"]
