"""Core types: parameters, features, estimates, findings, and the protocols between the floors."""

from inversion.core.errors import ConfigurationError, InversionError, ModelError
from inversion.core.estimate import QUANTILE_LEVELS, Answered, Estimate, Fit, prior_estimate
from inversion.core.features import Features
from inversion.core.finding import Alarm, Finding, dumps, to_json
from inversion.core.parameter import Parameter, ParameterSpace
from inversion.core.protocols import Adaptive, AffineModel, Engine, ForwardModel, Inverter, Sink

__all__ = [
    "QUANTILE_LEVELS",
    "Adaptive",
    "AffineModel",
    "Alarm",
    "Answered",
    "ConfigurationError",
    "Engine",
    "Estimate",
    "Features",
    "Finding",
    "Fit",
    "ForwardModel",
    "InversionError",
    "Inverter",
    "ModelError",
    "Parameter",
    "ParameterSpace",
    "Sink",
    "dumps",
    "prior_estimate",
    "to_json",
]
