"""`inversion batch`: recordings in, findings, tables, summary and report out."""

from inversion.app.batch.processes import BatchFailed
from inversion.app.batch.run import FORMATS, BatchResult, run_batch

__all__ = ["FORMATS", "BatchFailed", "BatchResult", "run_batch"]
