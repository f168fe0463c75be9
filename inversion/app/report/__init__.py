"""The report of a batch: one HTML file that opens anywhere, without a network."""

from inversion.app.report.figures import ReportUnavailable, require_plotly
from inversion.app.report.portrait import Portrait
from inversion.app.report.verdict import verdict
from inversion.app.report.write import write_report

__all__ = ["Portrait", "ReportUnavailable", "require_plotly", "verdict", "write_report"]
