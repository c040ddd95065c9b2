"""What the product is. Knows neither HTTP servers nor Kubernetes."""

from importlib.metadata import version

__version__ = version("hingecraft")
