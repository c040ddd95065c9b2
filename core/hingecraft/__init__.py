"""The product, without HTTP server and Kubernetes."""

from importlib.metadata import version

__version__ = version("hingecraft")
