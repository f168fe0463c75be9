"""`inversion balance`: from readings of a balancing job to correction masses with intervals."""

from inversion.app.balance.case import BalanceCase, read_cases
from inversion.app.balance.run import BalanceRun, run_balance
from inversion.app.balance.solve import Balance, solve

__all__ = ["Balance", "BalanceCase", "BalanceRun", "read_cases", "run_balance", "solve"]
